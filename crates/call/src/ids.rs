//! The texts that we mint from a leg's id: tags, branches, Call-IDs and Contact users. Each begins with the
//! id, so that a message finds its shard and leg without a table, and carries the leg's nonce behind a dash,
//! so that it cannot be guessed from the id alone. The full text is compared by dialog and transaction.

use strowger_model::LegId;

/// RFC 3261 section 8.1.1.7.
const MAGIC: &str = "z9hG4bK";

/// The leg's tag in its dialogs.
#[must_use]
pub fn tag(leg: LegId, nonce: u64) -> String {
    format!("{leg}-{nonce:x}")
}

/// The branch of the leg's `count`th transaction.
#[must_use]
pub fn branch(leg: LegId, nonce: u64, count: u32) -> String {
    format!("{MAGIC}{leg}-{count:x}-{:x}", nonce.rotate_left(17))
}

/// The Call-ID of a leg that we dial.
#[must_use]
pub fn call_id(leg: LegId, nonce: u64) -> String {
    format!("{leg}-{:x}", nonce.rotate_left(41))
}

/// The user part of our Contact.
#[must_use]
pub fn user(leg: LegId) -> String {
    leg.to_string()
}

/// The leg that minted a Via branch.
#[must_use]
pub fn leg_of_branch(branch: &str) -> Option<LegId> {
    leg_of_tag(branch.strip_prefix(MAGIC)?)
}

/// The leg that minted a tag.
#[must_use]
pub fn leg_of_tag(tag: &str) -> Option<LegId> {
    tag.split_once('-')?.0.parse().ok()
}

/// The leg that minted a Call-ID.
#[must_use]
pub fn leg_of_call_id(call_id: &str) -> Option<LegId> {
    leg_of_tag(call_id)
}

/// The leg that minted a Contact user.
#[must_use]
pub fn leg_of_user(user: &str) -> Option<LegId> {
    user.parse().ok()
}

#[cfg(test)]
mod tests {
    use strowger_model::{Mint, ShardId};

    use super::*;

    #[test]
    fn every_minted_text_names_its_leg() {
        let leg = Mint::new(2, ShardId(3), 0xab).leg();
        let nonce = 0xdead_beef_0123_4567;
        assert_eq!(leg_of_tag(&tag(leg, nonce)), Some(leg));
        assert_eq!(leg_of_branch(&branch(leg, nonce, 17)), Some(leg));
        assert_eq!(leg_of_call_id(&call_id(leg, nonce)), Some(leg));
        assert_eq!(leg_of_user(&user(leg)), Some(leg));
    }

    #[test]
    fn foreign_texts_name_no_leg() {
        for text in ["", "z9hG4bK", "z9hG4bK776asdhds", "a84b4c76e66710", "1.2.3-4", "x-y", "as7d9a-1"] {
            assert_eq!(leg_of_branch(text), None, "{text}");
            assert_eq!(leg_of_tag(text), None, "{text}");
        }
    }
}
