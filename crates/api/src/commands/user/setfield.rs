//! `setfield`: account holders set a documented list of fields; administrators any field.

use strowger_model::Amount;
use strowger_store::{UserError, user_column};

use crate::auth::Level;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// What account holders may always set.
const FREE: [&str; 31] = [
    "forwardonbusy",
    "forwardonnoanswer",
    "forwardalways",
    "voicemail",
    "musiconhold",
    "displayname",
    "noanswertimeout",
    "forwarddearlystart",
    "changesptoring",
    "convertdtmf",
    "playadv",
    "playdisc",
    "sendsmsalert",
    "sendemailalert",
    "sendsmsreport",
    "senddailyemail",
    "sendlowcreditemail",
    "sendmonthlyemail",
    "sendotheremail",
    "notifymissedsms",
    "notifymissedemail",
    "choosecodecs",
    "needcodeconversion",
    "discvoice",
    "connectvoice",
    "voicemailonbusy",
    "voicemailonnoansw",
    "voicemailalways",
    "notifymissede-mail",
    // Ours: what is asked when the password was forgotten.
    "forgotpasswordquestion",
    "forgotpasswordanswer",
];
/// What they may set while it is empty.
const ONCE: [&str; 16] = [
    "contactname",
    "name",
    "email",
    "email2",
    "phone",
    "fax",
    "address",
    "billaddress",
    "postaddress",
    "country",
    "regnumber",
    "euregnumber",
    "birthday",
    "gender",
    "language",
    "utc",
];
/// Fields of `tb_users` that only sensitive requests may set.
const SENSITIVE: [&str; 6] = ["credit", "password", "pin", "forgotpasswordanswer", "type", "rights"];
/// `tb_users.rights` of a general administrator.
const RIGHTS_SERVER_ADMIN: i64 = 60;

params! {
    /// string, int or float; the field's own type decides.
    fieldtype: String = "",
    /// The field.
    fieldname: String,
    /// Its new value.
    fieldvalue: String = "",
    /// The row's id; the own account where none is given.
    rowid: String = "",
    /// Accepted; every change is made before the answer.
    sync: String = "",
    /// The table, for administrators.
    table: String = "tb_users",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "setfield",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Spend,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Sets a field of the account; administrators any field of any table.",
    spec: "server-api: User commands; Various operations",
    example: "fieldtype=string&fieldname=displayname&fieldvalue=Alice",
    reply: "OK: displayname set",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let params = shifted(&call, params)?;
    let field = params.fieldname.trim().to_ascii_lowercase();
    let given = call.args.is_given(PARAMS, "fieldvalue");
    if !given {
        return Err(Failure::missing("fieldvalue"));
    }
    let row = match params.rowid.trim() {
        "" => None,
        text => Some(text.parse::<i64>().map_err(|_| Failure::invalid("rowid must be a whole number"))?),
    };
    fits_hint(&params.fieldtype, &params.fieldvalue)?;
    tracing::trace!(field, sync = params.sync, "every change is made before the answer");
    let table = params.table.trim().to_ascii_lowercase();
    if table != "tb_users" {
        if !call.is_admin() {
            return Err(Failure::denied("administrators only"));
        }
        call.sensitive()?;
        let row = row.ok_or_else(|| Failure::missing("rowid"))?;
        let updated = call.store().update_field(call.scope, &table, &field, &params.fieldvalue, row).await;
        return match updated {
            Ok(0) | Err(UserError::NotFound) => Err(Failure::not_found(format!("{table} row {row}"))),
            Ok(_) => done(&field),
            Err(wrong) => Err(wrong.into()),
        };
    }
    let account = match row {
        Some(row) if call.level >= Level::Owner => call.find_id(row, "rowid")?,
        _ => call.account()?.clone(),
    };
    call.not_above(&account)?;
    let id = account.id;
    if call.is_admin() {
        if SENSITIVE.contains(&field.as_str()) {
            call.sensitive()?;
        }
        not_above_own(&call, &field, &params.fieldvalue)?;
    } else {
        allowed_for_users(&call, id, &field).await?;
    }
    call.store().set_fields(call.scope, id, vec![(field.clone(), params.fieldvalue)]).await?;
    done(&field)
}

fn done(field: &str) -> Outcome {
    Ok(Reply::ok(format!("{field} set")).with("field", field))
}

/// The type that the client names is checked before the field's own.
fn fits_hint(hint: &str, value: &str) -> Result<(), Failure> {
    let hint = hint.trim().to_ascii_lowercase();
    let fits = match hint.as_str() {
        "int" => value.is_empty() || value.trim().parse::<i64>().is_ok(),
        "float" => value.is_empty() || value.trim().parse::<Amount>().is_ok(),
        _ => true,
    };
    if fits { Ok(()) } else { Err(Failure::invalid(format!("fieldvalue must be of the type {hint}"))) }
}

/// In the administrators' positional form a table stands first.
fn shifted(call: &Call, params: Params) -> Result<Params, Failure> {
    let first = call.args.positional.first().map(|text| text.trim().to_ascii_lowercase()).unwrap_or_default();
    if !call.is_admin() || !first.starts_with("tb_") || call.args.named("fieldtype").is_some() {
        return Ok(params);
    }
    let mut args = call.args.clone();
    args.positional.remove(0);
    args.named.push("table", &first);
    Params::parse(&args)
}

async fn allowed_for_users(call: &Call, id: strowger_model::AccountId, field: &str) -> Result<(), Failure> {
    if FREE.contains(&field) {
        return Ok(());
    }
    if !ONCE.contains(&field) {
        let known = user_column(field).is_some();
        let text = format!("{field} cannot be set by account holders");
        return Err(if known {
            Failure::denied(text)
        } else {
            Failure::invalid(format!("there is no field {field}"))
        });
    }
    let now = call.store().user_fields(call.scope, id, &[field]).await?;
    if now.iter().all(|(_, value)| value.is_empty()) {
        Ok(())
    } else {
        Err(Failure::denied(format!("{field} is set already")))
    }
}

/// Nobody makes an account that may do more than its maker.
fn not_above_own(call: &Call, field: &str, value: &str) -> Result<(), Failure> {
    let rights: i64 = value.trim().parse().unwrap_or(0);
    if field == "rights" && rights >= RIGHTS_SERVER_ADMIN && call.level < Level::ServerAdmin {
        return Err(Failure::denied("general administrators only"));
    }
    Ok(())
}
