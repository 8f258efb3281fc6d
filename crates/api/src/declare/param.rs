//! One parameter of a command, and the macro that makes a parameter list: the declaration is the parser.

/// A declared parameter.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// The name on the wire, in lower case.
    pub name: &'static str,
    /// Other spellings; `anum`, `bnum` and `txt` have their general ones beside.
    pub aliases: &'static [&'static str],
    /// One sentence.
    pub help: &'static str,
    /// What a value looks like.
    pub kind: &'static str,
    /// The value where none is given; without one the parameter is required.
    pub default: Option<&'static str>,
    /// Its value is kept nowhere: neither by the audit nor by the request inspector, nor in a quoted request.
    pub fleeting: bool,
}

/// The spellings that mean the same wherever one of them is declared.
const GENERAL: [&[&str]; 3] =
    [&["anum", "phone1", "from"], &["bnum", "bnun", "phone2", "to"], &["txt", "message"]];

impl Param {
    /// A parameter of a command that is not part of this version: only its name is known.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self { name, aliases: &[], help: "", kind: "text", default: Some(""), fleeting: false }
    }

    /// Required parameters have no default.
    #[must_use]
    pub const fn is_required(&self) -> bool {
        self.default.is_none()
    }

    /// Every spelling, the declared ones first.
    pub fn spellings(&self) -> impl Iterator<Item = &'static str> + '_ {
        let declared = std::iter::once(self.name).chain(self.aliases.iter().copied());
        let general = GENERAL
            .iter()
            .filter(|class| class.contains(&self.name) || self.aliases.iter().any(|a| class.contains(a)))
            .flat_map(|class| class.iter().copied())
            .filter(|name| *name != self.name && !self.aliases.contains(name));
        declared.chain(general)
    }

    /// One of its spellings is this one (lower case).
    #[must_use]
    pub fn answers_to(&self, spelling: &str) -> bool {
        self.spellings().any(|known| known == spelling)
    }
}

/// A name that is a word of the language is declared with an underscore after it: `type_` is `type`.
#[must_use]
pub const fn wire_name(name: &'static str) -> &'static str {
    let bytes = name.as_bytes();
    if bytes[bytes.len() - 1] == b'_' { name.split_at(bytes.len() - 1).0 } else { name }
}

/// Declares the parameters of a command in documented positional order, as a struct `Params`, a constant
/// `PARAMS` and a constant `RUN` that parses them and calls the file's own `run(call, params)`.
///
/// `/// help` then `name ["alias", …]: Type = "default"`; without a default the parameter is required.
macro_rules! params {
    ($($(#[doc = $help:literal])+ $name:ident $([$($alias:literal),+])? : $type:ty $(= $default:literal)?),* $(,)?) => {
        #[derive(Debug)]
        struct Params { $($name: $type),* }
        const PARAMS: &[$crate::declare::Param] = &[$($crate::declare::Param {
            name: $crate::declare::wire_name(stringify!($name)),
            aliases: &[$($($alias),+)?],
            help: concat!($($help),+).trim_ascii(),
            kind: <$type as $crate::declare::Value>::KIND,
            default: $crate::declare::params!(@default $($default)?),
            fleeting: <$type as $crate::declare::Value>::FLEETING,
        }),*];
        impl Params {
            #[allow(unused_variables, unused_mut, reason = "a command without parameters reads none")]
            fn parse(args: &$crate::declare::Args) -> Result<Self, $crate::reply::Failure> {
                let mut position = 0..;
                Ok(Self { $($name: args.value::<$type>(PARAMS, position.next().expect("endless"))?),* })
            }
        }
        const RUN: $crate::declare::Run = $crate::declare::Run::Here {
            check: |args| Params::parse(args).map(drop),
            run: |call| match Params::parse(&call.args) {
                Ok(params) => Box::pin(run(call, params)),
                Err(wrong) => Box::pin(std::future::ready(Err(wrong))),
            },
        };
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
}
pub(crate) use params;
