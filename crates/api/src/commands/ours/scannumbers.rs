//! `scannumbers`: checks a list of numbers in the background, without calling any.

use crate::commands::command::files::{FILES, MAX_SENT, megabytes};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::folder::{Folder, on_disk};
use crate::reply::{Failure, Reply};
use crate::scanner::{MAX_RATE, MAX_RUNNING, USUAL_RATE, Wish, of_file, of_list, start};

params! {
    /// The account whose calls these would be, by username, id or number; the request's own where none is given.
    account: String = "",
    /// The numbers, separated by commas, semicolons, blanks or ends of lines.
    list: String = "",
    /// A file below the files folder with one number a line, or a table whose first column they are.
    file: String = "",
    /// Numbers a second, 1 to 1000; 200 where none is given.
    rate: u32 = "0",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "scannumbers",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Checks numbers in the background: numbering plan, blacklist, routing and price, without a call; checkscanner shows how far it is, the result is a CSV file for getfile. A job ends with the process.",
    spec: "Strowger",
    example: "account=alice&list=3630123456,442079460000",
    reply: "OK: job:<n> numbers:<n> file:<name>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let account = match params.account.trim() {
        "" => call.account()?.id,
        text => call.find(text, "account")?.id,
    };
    let rate = match params.rate {
        0 => USUAL_RATE,
        rate @ 1..=MAX_RATE => rate,
        _ => return Err(Failure::invalid(format!("rate must be 1 to {MAX_RATE} numbers a second"))),
    };
    let root = call.switch().data_folder().join(FILES);
    let (numbers, source) = match (params.list.trim(), params.file.trim()) {
        ("", "") => return Err(Failure::missing("list")),
        (list, "") => (of_list(list)?, "list".to_owned()),
        ("", file) => {
            // As getfile: whoever may not read the files may not have them read.
            call.sensitive()?;
            let (name, root) = (file.to_owned(), root.clone());
            let bytes = on_disk(move || Folder::open(&root)?.read(&name, MAX_SENT)).await?;
            (of_file(&bytes)?, format!("file {file}"))
        }
        _ => return Err(Failure::invalid("give either list or file")),
    };
    let total = numbers.len();
    let wish = Wish { account, source, total, rate };
    let job = call.memory().scanner.open(call.now(), wish);
    let job = job.ok_or_else(|| {
        Failure::limit(format!("{MAX_RUNNING} jobs run already, wait for one or see stopcanner"))
    })?;
    let quota = megabytes(call.config().filesquota);
    let (id, file) = (job.id, job.file.clone());
    start(job, numbers, call.switch().clone(), root, quota);
    Ok(Reply::ok(format!("job:{id} numbers:{total} file:{file}"))
        .with("job", id)
        .with("numbers", crate::commands::command::files::size_of(total))
        .with("file", file))
}
