//! The columns of `tb_users`, declared once: where each lives, what it holds and its default. The view,
//! its triggers, `getfield`, `setfield` and `getdetails` are all derived from this table.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text.
    Text,
    /// A whole number.
    Int,
    /// A decimal number, exact.
    Decimal,
    /// `YYYY-MM-DD HH:MM:SS` in UTC.
    Date,
    /// A password, a PIN or the answer to a question: written, never read.
    Secret,
}

/// Where a column lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Table `account`.
    Account,
    /// Table `account_profile`.
    Profile,
    /// Table `line_state`.
    Line,
    /// A balance; writing books the difference.
    Balance,
    /// Computed, never written.
    Computed,
}

/// One column of `tb_users`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The name, in lower case.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// May be written.
    pub settable: bool,
    pub(crate) place: Place,
    /// The value of a new row that does not name the column, as SQL.
    pub(crate) default: &'static str,
}

const fn column(name: &'static str, kind: ColumnKind, place: Place, default: &'static str) -> Column {
    Column { name, kind, settable: !matches!(place, Place::Computed), place, default }
}

const fn account_int(name: &'static str, default: &'static str) -> Column {
    column(name, ColumnKind::Int, Place::Account, default)
}

const fn account_text(name: &'static str) -> Column {
    column(name, ColumnKind::Text, Place::Account, "''")
}

const fn secret(name: &'static str) -> Column {
    column(name, ColumnKind::Secret, Place::Account, "''")
}

const fn text(name: &'static str) -> Column {
    column(name, ColumnKind::Text, Place::Profile, "''")
}

const fn int(name: &'static str) -> Column {
    column(name, ColumnKind::Int, Place::Profile, "0")
}

const fn balance(name: &'static str) -> Column {
    column(name, ColumnKind::Decimal, Place::Balance, "0")
}

/// All of them, in the order of the view.
pub(crate) const COLUMNS: [Column; 93] = [
    Column { settable: false, ..account_int("id", "NULL") },
    account_int("type", "0"),
    account_int("parentid", "0"),
    account_int("billinguserid", "0"),
    account_int("usergroup", "0"),
    account_text("username"),
    secret("password"),
    secret("pin"),
    secret("forgotpasswordanswer"),
    account_int("rights", "30"),
    account_int("enabled", "1"),
    account_int("temporarydisabled", "0"),
    account_text("currency"),
    account_int("postpaid", "0"),
    account_int("packetid", "0"),
    account_int("billsourceid", "0"),
    account_int("needauth", "4"),
    account_text("techprefix"),
    account_text("ip"),
    account_text("authip"),
    account_int("port", "0"),
    account_text("domainname"),
    account_text("proxy"),
    account_text("transport"),
    account_int("needregister", "0"),
    account_int("sendstraffic", "0"),
    account_int("maxlines", "0"),
    balance("credit"),
    balance("freeminutesleft"),
    balance("freesmsleft"),
    column("status", ColumnKind::Int, Place::Line, "0"),
    column("statusdate", ColumnKind::Date, Place::Line, "NULL"),
    column("datum", ColumnKind::Date, Place::Computed, "NULL"),
    text("name"),
    text("contactname"),
    text("displayname"),
    text("phone"),
    text("callbacknumber"),
    text("email"),
    text("email2"),
    text("fax"),
    text("address"),
    text("billaddress"),
    text("postaddress"),
    text("country"),
    text("gender"),
    text("language"),
    text("utc"),
    text("birthday"),
    text("regnumber"),
    text("euregnumber"),
    text("enabledprefixes"),
    text("blockprefixes"),
    text("digestalgorithms"),
    text("creditelapsedt"),
    text("forwardonbusy"),
    text("forwardonnoanswer"),
    text("forwardalways"),
    text("voicemail"),
    text("musiconhold"),
    text("choosecodecs"),
    text("comment"),
    text("forgotpasswordquestion"),
    int("regival"),
    int("ringgroup"),
    int("rgmode"),
    int("freeminutes"),
    int("freesms"),
    int("ivrid"),
    int("iscallback"),
    int("sessiontimer"),
    int("noanswertimeout"),
    int("forwarddearlystart"),
    int("changesptoring"),
    int("convertdtmf"),
    int("playadv"),
    int("playdisc"),
    int("sendsmsalert"),
    int("sendemailalert"),
    int("sendsmsreport"),
    int("senddailyemail"),
    int("sendlowcreditemail"),
    int("sendmonthlyemail"),
    int("sendotheremail"),
    int("notifymissedsms"),
    int("notifymissedemail"),
    int("needcodeconversion"),
    int("discvoice"),
    int("connectvoice"),
    int("voicemailonbusy"),
    int("voicemailonnoansw"),
    int("voicemailalways"),
    column("held", ColumnKind::Decimal, Place::Computed, "NULL"),
];

/// The columns that are encrypted in the database, written and never read.
pub(crate) const SECRETS: [&str; 3] = ["password", "pin", "forgotpasswordanswer"];

/// A secret column's name in lower case; none: it is an ordinary one.
pub(crate) fn secret_column(name: &str) -> Option<&'static str> {
    SECRETS.into_iter().find(|column| name.eq_ignore_ascii_case(column))
}

/// The column of a name as clients write it: any case, and the spellings of the documents.
#[must_use]
pub fn user_column(name: &str) -> Option<&'static Column> {
    let name = name.trim();
    let name = if name.eq_ignore_ascii_case("notifymissede-mail") { "notifymissedemail" } else { name };
    COLUMNS.iter().find(|c| c.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lower_case() {
        for (index, column) in COLUMNS.iter().enumerate() {
            assert_eq!(column.name, column.name.to_ascii_lowercase());
            assert!(!COLUMNS[..index].iter().any(|c| c.name == column.name), "{} twice", column.name);
        }
    }

    #[test]
    fn the_secrets_are_the_columns_of_that_kind() {
        let declared: Vec<&str> =
            COLUMNS.iter().filter(|c| c.kind == ColumnKind::Secret).map(|c| c.name).collect();
        assert_eq!(declared, SECRETS);
    }

    #[test]
    fn every_documented_name_is_a_column() {
        let documented = "id type parentid billinguserid usergroup username password name contactname displayname phone \
            email email2 fax address billaddress postaddress country currency gender language utc birthday pin techprefix \
            ip authip port domainname transport needauth rights credit postpaid packetid freeminutes freeminutesleft \
            freesms freesmsleft creditelapsedt enabled temporarydisabled status statusdate regival ringgroup rgmode ivrid \
            iscallback enabledprefixes blockprefixes sessiontimer maxlines forwardonbusy forwardonnoanswer forwardalways \
            voicemail musiconhold noanswertimeout forwarddearlystart changesptoring convertdtmf playadv playdisc \
            sendsmsalert sendemailalert sendsmsreport senddailyemail sendlowcreditemail sendmonthlyemail sendotheremail \
            notifymissedsms notifymissede-mail choosecodecs needcodeconversion discvoice connectvoice voicemailonbusy \
            voicemailonnoansw voicemailalways regnumber euregnumber billsourceid callbacknumber";
        for name in documented.split_whitespace() {
            assert!(user_column(name).is_some(), "{name}");
        }
    }
}
