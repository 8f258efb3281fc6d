//! What the commands that move files share: base64, names, and where uploads go.

use std::path::PathBuf;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use strowger_model::AccountId;

use crate::dispatch::Call;
use crate::folder::{Folder, on_disk};
use crate::reply::{Data, Failure, Reply};

/// The folder of `putfile` and `getfile` below the data folder.
pub const FILES: &str = "files";
/// The folder of uploads below the web root.
pub const STORAGE: &str = "filestorage";
/// The longest file that a command sends, in bytes: larger ones are fetched over HTTP.
pub const MAX_SENT: u64 = 8 * 1_024 * 1_024;
/// The longest name of an upload, in bytes.
const MAX_NAME: usize = 128;

/// Base64 as clients write it: either alphabet, with or without padding, in lines.
pub fn decode(parameter: &str, text: &str) -> Result<Vec<u8>, Failure> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&alphabet::STANDARD, config);
    let plain: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        })
        .collect();
    engine.decode(plain).map_err(|_| Failure::invalid(format!("{parameter} must be base64")))
}

/// The answer that carries a file.
pub fn content(name: &str, bytes: &[u8]) -> Reply {
    let text = STANDARD.encode(bytes);
    Reply::ok(text.as_str()).with("filename", name).with("size", size_of(bytes.len())).with("filedata", text)
}

/// A length as a value of an answer.
pub fn size_of(bytes: usize) -> Data {
    u64::try_from(bytes).unwrap_or(u64::MAX).into()
}

/// Megabytes in bytes.
pub const fn megabytes(count: u32) -> u64 {
    count as u64 * 1_024 * 1_024
}

/// The name of an upload: the last part of what was sent, without anything that means something to a file system,
/// a shell or a page.
pub fn clean(name: &str) -> Result<String, Failure> {
    let last = name.trim().rsplit(['/', '\\']).next().unwrap_or_default();
    let harmless = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let name: String = last.chars().take(MAX_NAME).map(harmless).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() || last.contains('\0') {
        return Err(Failure::invalid("filename must be a name such as photo.png"));
    }
    Ok(name.to_owned())
}

/// Keeps an account's upload within its quota; answers the path under which it is served.
pub async fn store_upload(
    call: &Call,
    owner: AccountId,
    name: &str,
    bytes: Vec<u8>,
) -> Result<String, Failure> {
    let root = call.web_root().join(STORAGE).join(owner.to_string());
    let (file, quota) = (name.to_owned(), megabytes(call.config().filestoragequota));
    on_disk(move || Folder::open(&root)?.write(&file, &bytes, quota)).await?;
    Ok(format!("/mvweb/{STORAGE}/{owner}/{name}"))
}

impl Call {
    /// The folder of static files.
    pub(crate) fn web_root(&self) -> PathBuf {
        self.dispatcher.web_root()
    }

    /// One of the folders below the data folder that `file` sends from.
    pub(crate) fn folder_of(&self, name: &str) -> PathBuf {
        let config = self.config();
        if name == "logs" && !config.logdir.is_empty() {
            return PathBuf::from(&config.logdir);
        }
        self.switch().data_folder().join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_in_every_usual_form() {
        for text in ["aGk/Pz8+", "aGk_Pz8-", "aGk/\r\nPz8+\n"] {
            assert_eq!(decode("filedata", text).unwrap(), b"hi???>", "{text}");
        }
        assert_eq!(decode("filedata", "aGVsbG8").unwrap(), b"hello");
        assert_eq!(decode("filedata", "aGVsbG8=").unwrap(), b"hello");
        assert!(decode("filedata", "a*b").is_err());
    }

    #[test]
    fn names_of_uploads_are_harmless() {
        for (sent, kept) in [
            ("photo.png", "photo.png"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\a b.txt", "a_b.txt"),
            (".htaccess", "htaccess"),
            ("..%2f..%2fx", "%2f..%2fx"),
            ("<script>.html", "_script_.html"),
            ("r\u{e9}sum\u{e9}.pdf", "r_sum_.pdf"),
        ] {
            assert_eq!(clean(sent).unwrap(), kept.replace('%', "_"), "{sent}");
        }
        for sent in ["", "..", "/", "a/", "x\0.png", "..."] {
            assert!(clean(sent).is_err(), "{sent:?}");
        }
    }
}
