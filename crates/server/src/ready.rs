//! The ready file: tells scripts that every listener accepts, and where.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// What the file says. Ports are null where they are switched off.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Ready {
    pub(crate) pid: u32,
    pub(crate) main: Option<u16>,
    pub(crate) udp: Option<u16>,
    pub(crate) sip: Option<u16>,
    pub(crate) admin: Option<u16>,
    pub(crate) tls: Option<u16>,
    pub(crate) sips: Option<u16>,
    pub(crate) version: &'static str,
    pub(crate) data: PathBuf,
    pub(crate) url: Option<String>,
}

impl Ready {
    /// The ports that the system chose because the configuration left it the choice.
    pub(crate) fn chosen(&self, config: &strowger_config::Config) -> Vec<(&'static str, u16)> {
        let free = |key: &str| config.get(key).is_some_and(|text| text.trim() == "0");
        // 0 is not the system's choice here: it is the same number as the main port's.
        let own = |key: &str| key != "mainaportudp" && free(key);
        self.keys()
            .into_iter()
            .filter(|(key, _)| own(key))
            .filter_map(|(key, port)| Some((key, port?)))
            .collect()
    }

    /// The ports by the keys that choose them.
    pub(crate) fn keys(&self) -> [(&'static str, Option<u16>); 6] {
        [
            ("mainaport", self.main),
            ("mainaportudp", self.udp),
            ("sipport", self.sip),
            ("adminport", self.admin),
            ("sslportmain", self.tls),
            ("localtlsport", self.sips),
        ]
    }
}

/// The written file; dropping it removes the file.
#[derive(Debug)]
pub(crate) struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Writes beside `path` and renames, so that nobody reads half of it.
    pub(crate) fn write(path: &Path, ready: &Ready) -> io::Result<Self> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}", ready.pid));
        let beside = PathBuf::from(beside);
        let text = serde_json::to_string(ready)?;
        fs::write(&beside, text + "\n")?;
        fs::rename(&beside, path).inspect_err(|_| drop(fs::remove_file(&beside)))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Somebody may have removed it already; there is nobody left to tell.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_the_contract_and_the_file_goes_with_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        let ready = Ready {
            pid: 7,
            main: Some(8080),
            udp: Some(8080),
            sip: Some(5060),
            admin: None,
            tls: None,
            sips: None,
            version: "1.2.3",
            data: "/d".into(),
            url: Some("http://127.0.0.1:8080".into()),
        };
        let file = ReadyFile::write(&path, &ready).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\"pid\":7,\"main\":8080,\"udp\":8080,\"sip\":5060,\"admin\":null,\"tls\":null,\"sips\":null,\
             \"version\":\"1.2.3\",\"data\":\"/d\",\"url\":\"http://127.0.0.1:8080\"}\n"
        );
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
