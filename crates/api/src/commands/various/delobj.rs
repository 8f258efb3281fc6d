//! `delobj`: what is kept in memory, freed and rebuilt.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::declare::{Value, one_of};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};
use crate::service::failed;

params! {
    /// ep, logic, sqlupd, router, pred, check, simall, maint, logger, dbobj or all.
    object: Object = "all",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "delobj",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Frees the named objects in memory, which are rebuilt at once or on use; live calls stay: ep (trunks' health, routes), logic and router (accounts, prices, rules, numbers), maint, dbobj (connections), all.",
    spec: "server-api: Various operations",
    example: "object=router",
    reply: "OK: router 6 tables, dbobj 3 connections",
    run: RUN,
};

/// What can be freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Object {
    Ep,
    Router,
    Maint,
    Dbobj,
    All,
    /// It exists in the documents only.
    Not(&'static str),
}

impl Value for Object {
    const KIND: &'static str = "ep, logic, sqlupd, router, pred, check, simall, maint, logger, dbobj or all";
    fn parse(text: &str) -> Option<Self> {
        one_of(
            text,
            &[
                ("ep", Self::Ep),
                ("logic", Self::Router),
                ("router", Self::Router),
                ("1", Self::All),
                ("maint", Self::Maint),
                ("dbobj", Self::Dbobj),
                ("all", Self::All),
                (
                    "check",
                    Self::Not(
                        "challenges and answers to repeated requests are kept for safety, and forgotten by time",
                    ),
                ),
                ("sqlupd", Self::Not("every write is committed before it is answered, nothing is kept back")),
                ("pred", Self::Not("the predictive dialler is not part of this version")),
                ("simall", Self::Not("SIM gateways are not part of this version")),
                ("logger", Self::Not("the log keeps nothing in memory")),
            ],
        )
    }
}

async fn run(call: Call, params: Params) -> Outcome {
    if let Object::Not(why) = params.object {
        return Err(Failure::unavailable(why));
    }
    let wanted = |object| params.object == object || params.object == Object::All;
    let mut freed: Vec<(&'static str, usize, &'static str)> = Vec::new();
    if wanted(Object::Ep) {
        let addresses = call.switch().forget_endpoints().await.map_err(|stopped| failed(stopped.into()))?;
        freed.push(("ep", usize::try_from(addresses).unwrap_or(usize::MAX), "addresses"));
    }
    if wanted(Object::Router) {
        freed.push(("router", call.switch().reread(&[]).await.map_err(failed)?.len(), "tables"));
    }
    if wanted(Object::Maint) {
        freed.push(("maint", usize::from(call.dispatcher.restart_maintenance()), "schedules"));
    }
    if wanted(Object::Dbobj) {
        freed.push(("dbobj", call.dispatcher.reconnect().await?, "connections"));
    }
    let text: Vec<String> =
        freed.iter().map(|(name, count, what)| format!("{name} {count} {what}")).collect();
    let mut reply = Reply::ok(text.join(", "));
    for (name, count, _) in freed {
        reply = reply.with(name, i64::try_from(count).unwrap_or(i64::MAX));
    }
    Ok(reply)
}
