//! The trace of a decision, as `routingtest` shows it: one line per thing that was looked at.

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Who is calling.
    Authentication,
    /// How the number was changed.
    Normalisation,
    /// What may forbid the call.
    Filter,
    /// What the number belongs to.
    Target,
    /// A forward that was followed.
    Forward,
    /// A price that was found or not.
    Price,
    /// A trunk that was kept or dropped.
    Candidate,
    /// The order of what was kept.
    Order,
    /// What came out.
    Result,
}

impl Stage {
    /// The stage in one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Normalisation => "normalisation",
            Self::Filter => "filter",
            Self::Target => "target",
            Self::Forward => "forward",
            Self::Price => "price",
            Self::Candidate => "candidate",
            Self::Order => "order",
            Self::Result => "result",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceStep {
    /// About what.
    pub stage: Stage,
    /// In words.
    pub text: String,
}

/// Adds a line.
pub(crate) fn note(trace: &mut Vec<TraceStep>, stage: Stage, text: impl Into<String>) {
    trace.push(TraceStep { stage, text: text.into() });
}
