//! The `db` command on both engines: the documented examples run unchanged, and what must not is refused by name.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use common::*;
use strowger_model::payment::MoneyEvent;
use strowger_model::{Amount, Mint, Scope, ShardId};
use strowger_store::{Cell, SqlAnswer, SqlError, SqlLimits, Store, Table};

fn sql(store: &Store, text: &str) -> Result<SqlAnswer, SqlError> {
    wait(store.sql(Scope::All, text, SqlLimits::default()))
}

fn rows(store: &Store, text: &str) -> Table {
    match sql(store, text) {
        Ok(SqlAnswer::Rows(table, false)) => table,
        other => panic!("{text}: {other:?}"),
    }
}

fn changed(store: &Store, text: &str) -> u64 {
    match sql(store, text) {
        Ok(SqlAnswer::Changed(n)) => n,
        other => panic!("{text}: {other:?}"),
    }
}

fn first(store: &Store, text: &str) -> String {
    rows(store, text).rows.first().map_or_else(|| "(none)".to_owned(), |row| row[0].to_string())
}

#[test]
fn the_documented_examples_run_unchanged() {
    for bench in engines() {
        let store = bench.open();
        let insert = "insert into tb_users (type, username, password, name, email, credit, postpaid) values (0,'u','p','n','e',0,0)";
        assert_eq!(changed(&store, insert), 1, "{}", bench.name);
        assert_eq!(first(&store, "select top 1 username from tb_users"), "u");
        let id = first(&store, "select id from tb_users where username = 'u'");
        let table = rows(&store, &format!("select credit, postpaid from tb_users where id = {id}"));
        assert_eq!(table.columns, ["credit", "postpaid"]);
        assert_eq!(table.rows[0].iter().map(ToString::to_string).collect::<Vec<_>>(), ["0", "0"]);

        let registered = "select top 1 id from tb_users where username = 'U' and status > 0 and statusdate > getdate() - 0.1 and Enabled <> 0 and temporarydisabled <> 1";
        assert_eq!(first(&store, registered), "(none)");
        assert_eq!(
            changed(&store, "update tb_users set status = 1, statusdate = getdate() where username = 'u'"),
            1
        );
        assert_eq!(first(&store, registered), id, "{}", bench.name);
        changed(&store, "update tb_users set statusdate = getdate() - 0.2 where username = 'u'");
        assert_eq!(first(&store, registered), "(none)");

        let epoch = store.server().recover(now()).unwrap().epoch;
        let mut mint = Mint::new(1, ShardId(0), epoch);
        let account = strowger_model::AccountId(id.parse().unwrap());
        let mut leg = Leg::new(&mut mint, account, "0", "0");
        let mut order = leg.settle(61, "0");
        if let strowger_model::payment::MoneyOrder::Settle { cdr, .. } = &mut order {
            cdr.sip_call_id = "xyz".to_owned();
            let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            cdr.end = strowger_model::Wall(i64::try_from(seconds.as_millis()).unwrap());
        }
        assert!(matches!(money(&store, order), MoneyEvent::Settled { .. }));
        let recent =
            "SELECT TOP 1 * FROM tb_cdrs WITH(NOLOCK) WHERE datum > getdate() - 1 AND sipcallid = 'xyz'";
        let table = rows(&store, recent);
        let column = |name: &str| table.columns.iter().position(|c| c == name).unwrap();
        assert_eq!(table.rows[0][column("realduration")], Cell::Int(61), "{}", bench.name);
        assert_eq!(table.rows[0][column("callednumber")].to_string(), "4930123");
        let old = recent.replace("getdate() - 1", "getdate() + 1");
        assert_eq!(rows(&store, &old).rows.len(), 0);
        store.close();
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn t_sql_words_are_rewritten() {
    for bench in engines() {
        let store = bench.open();
        changed(&store, "insert into tb_billsources (name, currency, isdefault) values ('Retail', 'EUR', 1)");
        changed(
            &store,
            "insert into tb_billentries (billsourceid, prefix, direction, price) values (1, '49', N'Germany', 0.2), (1, '491', 'Mobile', 0.25)",
        );
        for (text, expected) in [
            ("select len(direction) from tb_billentries where prefix = '49'", "7"),
            ("select isnull(validfrom, 'never') from [tb_billentries] where [Prefix] = '49'", "never"),
            ("select prefix + '-' + direction from dbo.tb_billentries where prefix='491'", "491-Mobile"),
            ("select convert(varchar(3), direction) from tb_billentries where prefix = '49'", "Ger"),
            ("select cast(price as varchar(10)) from tb_billentries where prefix = '491'", "0.25"),
            ("select count(*) from tb_billentries (nolock)", "2"),
            ("select top (1) direction from tb_billentries order by prefix desc", "Mobile"),
            ("select sum(price) from tb_billentries", "0.45"),
            ("select max(x.price) from (select top 1 price from tb_billentries order by price) x", "0.2"),
            ("select count(*) from tb_billentries where dateadd(day, -1, getdate()) < getdate()", "2"),
            (
                "select e.direction from tb_billentries e join tb_billsources s on s.id = e.billsourceid where s.name = 'Retail' and e.prefix = '49'",
                "Germany",
            ),
            ("with p as (select prefix from tb_billentries) select count(*) from p", "2"),
            (
                "with p as (select prefix from tb_billentries) select max(p.prefix) from p where P.prefix > '4'",
                "491",
            ),
            (
                "select case when price > 0.2 then 'dear' else 'cheap' end from tb_billentries where prefix = '491'",
                "dear",
            ),
            ("select prefix from tb_billentries order by prefix offset 1 rows fetch next 1 rows only", "491"),
            ("select prefix from tb_billentries order by prefix desc offset 1 rows", "49"),
            ("select prefix /* a */ from tb_billentries -- b\n where prefix <> '49'", "491"),
            ("select direction from tb_billentries where direction like 'germ%'", "Germany"),
            ("select direction from tb_billentries where direction not like 'GERM%'", "Mobile"),
            (
                "with n as (select 1 as i union all select i + 1 from n where i < 20) select max(i) from n",
                "20",
            ),
            (
                "select count(*) from tb_billentries where billsourceid in (select id from tb_billsources where name = 'Retail')",
                "2",
            ),
            (
                "select s.name from tb_billsources s left join tb_billentries e on e.billsourceid = s.id group by s.name having count(*) = 2",
                "Retail",
            ),
        ] {
            assert_eq!(first(&store, text), expected, "{}: {text}", bench.name);
        }
        let endless = "with n as (select 1 as i union all select i + 1 from n) select count(*) from n";
        assert!(matches!(sql(&store, endless), Err(SqlError::TooLong { .. })), "{}", bench.name);
        let cut = "update top (1) tb_billentries set direction = 'first' where prefix like '49%'";
        assert_eq!(changed(&store, cut), 1, "{}", bench.name);
        assert_eq!(first(&store, "select direction from tb_billentries where id = 1"), "first");
        assert_eq!(changed(&store, "update tb_billentries set price = 0.3 where prefix like '49%'"), 2);
        assert_eq!(changed(&store, "delete tb_billentries where prefix = '491'"), 1);
        let prices = store.server().prices().unwrap();
        assert_eq!(prices.entries[0].price, amount("0.3"));
        changed(&store, "insert into tb_billsources (id, name) values (7, 'seven')");
        changed(&store, "insert into tb_billsources (name) values ('eight')");
        assert_eq!(
            first(&store, "select id from tb_billsources where name = 'eight'"),
            "8",
            "{}",
            bench.name
        );
        changed(&store, "insert into tb_users (id, username) values (70, 'seventy')");
        changed(&store, "insert into tb_users (username, password) values ('next', 'x')");
        assert_eq!(first(&store, "select id from tb_users where username = 'next'"), "71", "{}", bench.name);
        let limits = SqlLimits { rows: 1, allow_writes: false };
        changed(&store, "insert into tb_holidays (date) values ('12-25'), ('12-26')");
        let answer = wait(store.sql(Scope::All, "select date from tb_holidays", limits)).unwrap();
        assert!(matches!(answer, SqlAnswer::Rows(table, true) if table.rows.len() == 1));
        let refused = wait(store.sql(Scope::All, "delete from tb_holidays", limits));
        assert!(matches!(refused, Err(SqlError::Refused { .. })));
        store.close();
    }
}

#[test]
fn passwords_are_compared_and_written_but_never_shown() {
    for bench in engines() {
        let store = bench.open();
        changed(&store, "insert into tb_users (username, password, pin) values ('a', 'geheim', '1234')");
        changed(&store, "insert into tb_users (username, [password]) values ('b', 'geheim')");
        let table = rows(&store, "select * from tb_users where username = 'a'");
        let column = |name: &str| table.columns.iter().position(|c| c == name).unwrap();
        assert_eq!(table.rows[0][column("password")].to_string(), "***", "{}", bench.name);
        for (text, expected) in [
            ("select username from tb_users where username = 'a' and password = 'geheim'", "a"),
            (
                "select username from tb_users with(nolock) where username = 'A' and password = 'geheim' and type = 0 and enabled <> 0",
                "a",
            ),
            ("select username from tb_users where username = 'a' and password = 'Geheim'", "(none)"),
            ("select username from tb_users where password = 'geheim' and pin = '1234'", "a"),
            ("select count(*) from tb_users where (password = 'geheim')", "2"),
            ("select top 1 username from tb_users where password = 'geheim' order by username desc", "b"),
            ("select password from tb_users where username = 'a'", "***"),
        ] {
            assert_eq!(first(&store, text), expected, "{}: {text}", bench.name);
        }
        assert_eq!(
            changed(&store, "update tb_users set password = 'neu', name = 'N' where username = 'a'"),
            1
        );
        assert_eq!(first(&store, "select name from tb_users where password = 'neu'"), "N");
        // A row that is written back whole keeps its password.
        changed(&store, "update tb_users set name = 'M' where username = 'a'");
        let accounts = store.server().load().unwrap().accounts;
        assert_eq!(accounts.iter().find(|a| &*a.username == "a").unwrap().password.expose(), "neu");
        for text in [
            "select username from tb_users where password = 'x' or 1 = 1",
            "select username from tb_users where password like 'g%'",
            "select username from tb_users where password <> 'x'",
            "select username from tb_users where not (password = 'x')",
            "update tb_users set name = 'x' where password = 'neu'",
            "delete from tb_users where password = 'neu'",
            "update tb_users set password = username",
            "insert into tb_users (username, password) select username, name from tb_users",
            "select u.username from tb_users u join tb_cdrs c on c.callerid = u.id where u.password = 'neu'",
        ] {
            let answer = sql(&store, text);
            assert!(matches!(answer, Err(SqlError::Refused { .. })), "{}: {text}: {answer:?}", bench.name);
        }
        store.close();
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn dates_are_reckoned_as_t_sql_does() {
    for bench in engines() {
        let store = bench.open();
        changed(
            &store,
            "insert into tb_prepaidcodes (code, expires) values ('c1', '2026-01-31 23:30:15'), ('c2', '2027-02-01')",
        );
        for (text, expected) in [
            ("dateadd(day, 1, expires)", "2026-02-01 23:30:15"),
            ("dateadd(month, 1, expires)", "2026-02-28 23:30:15"),
            ("dateadd(yy, -2, expires)", "2024-01-31 23:30:15"),
            ("dateadd(qq, 1, expires)", "2026-04-30 23:30:15"),
            ("dateadd(wk, 1, expires)", "2026-02-07 23:30:15"),
            ("dateadd(hh, -24, expires)", "2026-01-30 23:30:15"),
            ("dateadd(minute, 30, expires)", "2026-02-01 00:00:15"),
            ("dateadd(ss, 45, '2026-01-31 23:59:15')", "2026-02-01 00:00:00"),
            ("expires - 1", "2026-01-30 23:30:15"),
            ("expires + 0.5", "2026-02-01 11:30:15"),
            ("datediff(day, expires, '2026-02-01 00:00:00')", "1"),
            ("datediff(hour, expires, '2026-02-01 00:10:00')", "1"),
            ("datediff(mi, expires, '2026-02-01 00:10:00')", "40"),
            ("datediff(s, '2026-01-31', expires)", "84615"),
            ("datediff(month, '2025-12-31', expires)", "1"),
            ("datediff(year, '2025-12-31', expires)", "1"),
            ("datediff(q, '2025-12-31', expires)", "1"),
            ("datediff(week, '2026-01-31', '2026-02-01')", "1"),
            ("datediff(week, '2026-02-01', '2026-02-07')", "0"),
            ("datediff(day, expires, getdate()) - datediff(day, '2026-01-31', getdate())", "0"),
            ("datepart(year, expires)", "2026"),
            ("datepart(hh, expires)", "23"),
            ("datepart(mi, expires)", "30"),
            ("datepart(ss, expires)", "15"),
            ("datepart(weekday, '2026-02-01')", "1"),
            ("datepart(dw, expires)", "7"),
            ("datepart(dy, '2026-03-01')", "60"),
            ("datepart(quarter, '2026-03-01')", "1"),
            ("datepart(hour, '2026-03-01')", "0"),
            ("day(expires)", "31"),
            ("month(expires) * 100 + year(expires)", "2126"),
            ("convert(varchar(10), expires, 120)", "2026-01-31"),
            ("convert(varchar(19), expires, 120)", "2026-01-31 23:30:15"),
            ("convert(varchar, expires, 112)", "20260131"),
            ("convert(char(10), expires, 104)", "31.01.2026"),
            ("convert(varchar, expires, 103)", "31/01/2026"),
            ("convert(varchar, expires, 108)", "23:30:15"),
            ("convert(varchar, expires, 126)", "2026-01-31T23:30:15"),
            ("convert(date, expires)", "2026-01-31"),
            ("right(code, 1)", "1"),
            ("iif(expires > '2026-01-01', 'late', 'early')", "late"),
            ("concat(code, '-', 7)", "c1-7"),
            ("code + '/' + convert(varchar(4), expires)", "c1/2026"),
            ("charindex('1', code)", "2"),
        ] {
            let text = format!("select {text} from tb_prepaidcodes where code = 'c1'");
            let answer = first(&store, &text);
            // The engines write a whole number of their own as 8 or 8.0.
            assert_eq!(answer.trim_end_matches(".0"), expected, "{}: {text}", bench.name);
        }
        let one_day = "select count(*) from tb_prepaidcodes where expires > getdate() - 36500 and expires - 1 < expires";
        assert_eq!(first(&store, one_day), "2", "{}", bench.name);
        for (text, reason) in [
            ("select datepart(week, expires) from tb_prepaidcodes", "use dayofyear"),
            ("select datediff(moon, expires, expires) from tb_prepaidcodes", "use year, month"),
            ("select convert(varchar, expires, 113) from tb_prepaidcodes", "use 120"),
            ("select getdate() - expires from tb_prepaidcodes", "use datediff"),
            ("select top (len(code)) code from tb_prepaidcodes", "give a number of rows"),
        ] {
            match sql(&store, text) {
                Err(SqlError::Refused { why, .. }) if why.contains(reason) => {}
                other => panic!("{}: {text}: {other:?}", bench.name),
            }
        }
        store.close();
    }
}

#[test]
fn names_are_compared_without_regard_to_case_and_writes_may_be_cut() {
    for bench in engines() {
        let store = bench.open();
        for name in ["Alice", "bob", "carol"] {
            user(&store, name, "1");
        }
        for (text, expected) in [
            ("select count(*) from tb_users where username in ('ALICE', 'Bob')", "2"),
            ("select count(*) from tb_users where username not in ('ALICE', 'Bob')", "1"),
            ("select count(*) from tb_users where username <> 'ALICE'", "2"),
            ("select count(*) from tb_users where username like 'AL%'", "1"),
            ("select top 1 username from tb_users where username = N'aLICE'", "Alice"),
        ] {
            assert_eq!(first(&store, text), expected, "{}: {text}", bench.name);
        }
        assert_eq!(changed(&store, "update top (2) tb_users set name = 'cut'"), 2, "{}", bench.name);
        let cut = "select count(*) from tb_users where name = 'cut' and username in ('alice', 'bob')";
        assert_eq!(first(&store, cut), "2", "{}: the oldest first", bench.name);
        changed(&store, "update top (1) tb_users set password = 'neu' where username <> 'alice'");
        assert_eq!(first(&store, "select username from tb_users where password = 'neu'"), "bob");
        changed(
            &store,
            "insert into tb_blacklist (number, userid) select '90' + username, id from tb_users order by id",
        );
        assert_eq!(changed(&store, "delete top (2) from tb_blacklist"), 2, "{}", bench.name);
        assert_eq!(first(&store, "select number from tb_blacklist"), "90carol", "{}", bench.name);
        assert_eq!(changed(&store, "delete top (5) tb_users where username <> 'bob'"), 2);
        assert_eq!(first(&store, "select username from tb_users"), "bob", "{}", bench.name);
        store.close();
    }
}

#[test]
fn computed_columns_are_named_alike() {
    for bench in engines() {
        let store = bench.open();
        for (text, columns) in [
            ("select COUNT(*), 'a' + 'b' from tb_users", "count(*)|'a' + 'b'"),
            ("select 1 union select 2", "1"),
            ("select isnull(name, '') as n, len(name), username from tb_users", "n|len(name)|username"),
        ] {
            assert_eq!(rows(&store, text).columns.join("|"), columns, "{}: {text}", bench.name);
        }
        store.close();
    }
}

#[test]
fn a_refusal_says_what_and_why() {
    for bench in engines() {
        let store = bench.open();
        for (text, what, why) in [
            ("pragma table_info(tb_users)", "PRAGMA", "only SELECT"),
            ("ATTACH DATABASE '/tmp/x' AS x", "ATTACH", "only SELECT"),
            ("copy (select 1) to program 'id'", "COPY", "only SELECT"),
            ("waitfor delay '01:00'", "WAITFOR", "only SELECT"),
            ("select load_extension('/tmp/x')", "the function load_extension", "not available here"),
            ("select * from dblink('x', 'select 1')", "a table function", "only tables"),
            ("select 1; select 2", "more than one statement", "one by one"),
            ("select name collate nocase from tb_users", "COLLATE", "without regard to case"),
            ("select name from tb_users where name like '[a-z]%'", "[ in LIKE", "only % and _"),
            ("update u set u.name = 'x' from tb_users u", "this form of UPDATE", "UPDATE table SET"),
            ("insert into tb_cdrs (callednumber) values ('1')", "INSERT into tb_cdrs", "calls write"),
            ("update tb_cdrs set [RealDuration] = 1", "this column of tb_cdrs", "comment and mark"),
            ("update top (x) tb_users set name = 'x'", "TOP", "a number of rows"),
            ("update tb_users set name = 'x' limit 1", "LIMIT", "TOP (n)"),
        ] {
            match sql(&store, text) {
                Err(SqlError::Refused { what: w, why: y }) if w == what && y.contains(why) => {}
                other => panic!("{}: {text}: {other:?}", bench.name),
            }
        }
        assert_eq!(changed(&store, "update tb_cdrs set Comment = 'x', mark = 'y'"), 0, "{}", bench.name);
        assert!(matches!(sql(&store, "selekt 1"), Err(SqlError::Syntax { .. })), "{}", bench.name);
        let Err(SqlError::Failed { what }) = sql(&store, "select nonsense from tb_users") else { panic!() };
        assert!(what.contains("nonsense") && !what.contains("LIMIT"), "{}: {what}", bench.name);
        store.close();
    }
}

/// What must be refused by name, and never reach the database.
const REFUSED: &[&str] = &[
    "delete from ledger",
    "update balance set settled = 1",
    "insert into hold (leg) values ('x')",
    "delete from journal",
    "update epoch set epoch = 9",
    "delete from audit",
    "update lease set amount = 1",
    "select password from account",
    "select * from idempotency",
    "update account set password = ''",
    "select * from sqlite_master",
    "select * from pg_catalog.pg_authid",
    "select * from pg_shadow",
    "select pg_read_file('/etc/passwd')",
    "select load_extension('x')",
    "select readfile('/etc/passwd')",
    "select pg_sleep(10)",
    "select 1; select 2",
    "drop table tb_cdrs",
    "create table x (a int)",
    "exec sp_who",
    "declare @x int",
    "select @@version",
    "select * from #temp",
    "select * into x from tb_users",
    "update tb_users set name = 'x' from tb_cdrs",
    "insert into tb_users values (1)",
    "merge tb_users using tb_cdrs on 1=1 when matched then delete",
    "truncate table tb_cdrs",
    "begin transaction",
    "select top 5 percent * from tb_users",
    "select * from openrowset('x')",
    "select * from tb_users where id in (select id from account)",
    "select (select max(password) from account)",
    "select 1 union select rowkey from account",
    "select 1 from tb_users order by (select max(password) from account)",
    "select case when exists (select 1 from account) then 1 else 0 end",
    "update tb_users set name = (select max(password) from account)",
    "insert into tb_blacklist (number) select password from account",
    "delete from tb_blacklist where number in (select password from account)",
    "select a.id from tb_users a cross apply (select * from account) b",
    "select lo_import('/etc/passwd')",
    "select query_to_xml('select 1', true, true, '')",
    "select 1 as [a\"b]",
    "select current_setting('x')",
    "insert into tb_blacklist (number) values ('1') on conflict do nothing",
    "attach database '/tmp/x' as y",
    "copy tb_users to program 'id'",
    "copy tb_users from '/etc/passwd'",
    "pragma writable_schema = 1",
    "vacuum into '/tmp/x'",
    "select writefile('/tmp/x', 'y')",
    "select edit('x')",
    "select fts3_tokenizer('x')",
    "select pg_ls_dir('/')",
    "select lo_export(1, '/tmp/x')",
    "select dblink('host=x', 'select 1')",
    "select * from pg_stat_activity",
    "select * from information_schema.tables",
    "select username from tb_users where id = ?1",
    "select username from tb_users where id = $1",
    "select username from tb_users where id = :id",
    "select 1 where 1 = any(array(select 1))",
    "alter table tb_users add x int",
    "grant all on tb_users to public",
    "set statement_timeout = 0",
    "listen x",
    "explain select 1",
    "select rowkey from tb_users union select body from [account_profile]",
];

#[test]
fn what_is_not_allowed_is_refused_with_its_reason() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "5");
        for text in REFUSED {
            let answer = sql(&store, text);
            let named = matches!(&answer, Err(SqlError::Refused { .. } | SqlError::Syntax { .. }));
            assert!(named, "{}: {text}: {answer:?}", bench.name);
        }
        for text in [
            "with account as (select * from account) select * from account",
            "with pg_shadow as (select * from pg_shadow) select * from pg_shadow",
        ] {
            let answer = sql(&store, text);
            assert!(answer.is_err(), "{}: {text}: {answer:?}", bench.name);
        }
        let own = wait(store.sql(Scope::Own(alice), "select 1", SqlLimits::default()));
        assert!(matches!(own, Err(SqlError::Refused { .. })));
        assert_eq!(first(&store, "select sum(amount) from ledger"), "0", "{}", bench.name);
        let wrong = sql(&store, "select nonsense from tb_users");
        assert!(matches!(wrong, Err(SqlError::Failed { .. })), "{wrong:?}");
        let deep = format!("select {}1{}", "(".repeat(500), ")".repeat(500));
        assert!(matches!(sql(&store, &deep), Err(SqlError::Syntax { .. })));
        store.close();
    }
}

#[test]
fn credit_written_by_sql_is_booked() {
    for bench in engines() {
        let store = bench.open();
        changed(&store, "insert into tb_users (username, credit, freeminutesleft) values ('u', 9.8, 10)");
        assert_eq!(first(&store, "select credit from tb_users"), "9.8", "{}", bench.name);
        changed(&store, "update tb_users set credit = credit + 0.1 where username = 'u'");
        changed(&store, "update tb_users set credit = 3.3, name = 'x'");
        changed(&store, "update tb_users set freeminutesleft = freeminutesleft - 1, freesmsleft = 2");
        assert_eq!(first(&store, "select credit from tb_users"), "3.3");
        let id = strowger_model::AccountId(first(&store, "select id from tb_users").parse().unwrap());
        let credit = wait(store.credit(Scope::All, id)).unwrap();
        assert_eq!((credit.settled, credit.seconds), (amount("3.3"), Amount::units(540)), "{}", bench.name);
        assert_eq!(credit.messages, Amount::units(2));
        let kinds = rows(&store, "select kind, count(*) from ledger group by kind order by kind");
        let kinds: Vec<String> = kinds.rows.iter().map(|r| format!("{} {}", r[0], r[1])).collect();
        assert_eq!(kinds, ["correction 8", "opening 4"]);
        let currency = sql(&store, "update tb_users set currency = 'GBP'");
        assert!(matches!(currency, Err(SqlError::Failed { .. })), "{currency:?}");
        for text in [
            "update tb_users set credit = 'abc'",
            "update tb_users set credit = 1e30",
            "update tb_users set type = 'abc'",
            "insert into tb_users (username, credit) values ('v', 'abc')",
            "insert into tb_billentries (prefix, price) values ('1', 'abc')",
        ] {
            assert!(matches!(sql(&store, text), Err(SqlError::Failed { .. })), "{}: {text}", bench.name);
        }
        assert_eq!(changed(&store, "delete from tb_users where username = 'u'"), 1);
        assert_eq!(first(&store, "select count(*) from tb_users"), "0");
        check_books(&store);
        store.close();
    }
}

#[test]
fn the_documented_queries_use_indexes() {
    for bench in engines() {
        bench.open().close();
        let cdrs = "SELECT * FROM tb_cdrs WHERE datum > '2026-01-01 00:00:00' LIMIT 1";
        let call = "SELECT * FROM tb_cdrs WHERE sipcallid = 'xyz' LIMIT 1";
        let name = "SELECT id FROM tb_users WHERE lower(username) = 'x'";
        for (text, index) in [(cdrs, "cdr_datum"), (call, "cdr_sip_call_id"), (name, "account_username")] {
            let plan = bench.plan(text);
            assert!(plan.contains(index), "{}: {text}: {plan}", bench.name);
        }
    }
}

#[test]
fn a_statement_that_takes_too_long_is_stopped_and_harms_nobody() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "1");
        let rows = (0..400).map(|n| format!("('{n}')")).collect::<Vec<_>>().join(", ");
        changed(&store, &format!("insert into tb_blacklist (number) values {rows}"));
        let crowd = "(select count(*) from tb_blacklist a, tb_blacklist b, tb_blacklist c, tb_blacklist d)";
        for slow in [
            format!("update tb_blacklist set comment = {crowd}"),
            format!("delete from tb_users where id = {crowd}"),
        ] {
            let answer = sql(&store, &slow);
            let stopped = matches!(answer, Err(SqlError::TooLong { .. } | SqlError::Failed { .. }));
            assert!(stopped, "{}: {answer:?}", bench.name);
        }
        let answer = sql(&store, &format!("select {crowd}"));
        assert!(matches!(answer, Err(SqlError::TooLong { .. })), "{}: {answer:?}", bench.name);
        assert_eq!(settled(&store, alice), amount("1"));
        wait(store.add_credit(Scope::All, alice, amount("1"), None, "", None)).unwrap();
        store.close();
    }
}
