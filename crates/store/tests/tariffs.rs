//! Price lists on both engines: imports compare, replace, undo as a whole; what comes out goes in again unchanged.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use common::*;
use strowger_model::Scope;
use strowger_store::{NewPriceList, Price, PriceChange, Store, UserError, parse_date};

fn price(prefix: &str, per_minute: &str, from: &str) -> Price {
    Price {
        prefix: prefix.to_owned(),
        direction: format!("Land {prefix}"),
        price: amount(per_minute),
        connect_fee: amount("0.000001"),
        billing_step: 60,
        min_amount: amount("0.1"),
        free_amount: amount("0"),
        free_after: 0,
        currency: None,
        valid_from: parse_date(from),
        valid_to: None,
    }
}

fn list(store: &Store, name: &str) -> i64 {
    let new = NewPriceList { name: name.to_owned(), currency: Some(EUR), reseller: None, is_default: false };
    wait(store.price_list_add(Scope::All, new)).unwrap()
}

#[test]
fn an_import_is_compared_and_taken_as_a_whole() {
    for bench in engines() {
        let store = bench.open();
        let id = list(&store, "Retail");
        let taken = NewPriceList { name: "RETAIL".into(), currency: None, reseller: None, is_default: false };
        assert_eq!(wait(store.price_list_add(Scope::All, taken)), Err(UserError::Taken));
        let lines =
            vec![price("36", "0.123456", ""), price("36", "0.2", "2027-01-01"), price("49", "0.05", "")];
        let import = |lines: &[Price], replace, preview| {
            wait(store.price_import(Scope::All, id, lines.to_vec(), (replace, preview))).unwrap()
        };
        assert_eq!(import(&lines, false, true).changes.len(), 3);
        assert!(wait(store.prices_of(Scope::All, id)).unwrap().is_empty(), "a preview writes nothing");
        assert_eq!(import(&lines, false, false).changes.len(), 3);
        assert_eq!(wait(store.prices_of(Scope::All, id)).unwrap(), lines, "{}", bench.name);
        let again = import(&lines, true, false);
        assert_eq!((again.changes.len(), again.unchanged), (0, 3), "{}: {again:?}", bench.name);

        let newer = vec![price("36", "0.3", ""), price("40", "0.1", "")];
        let changes = import(&newer, true, true).changes;
        let changed = PriceChange::Changed { old: lines[0].clone(), new: newer[0].clone() };
        assert_eq!(changes[0], changed);
        assert_eq!(changes[1], PriceChange::Added(newer[1].clone()));
        assert!(matches!(&changes[2..], [PriceChange::Removed(_), PriceChange::Removed(_)]));
        assert_eq!(import(&newer, false, false).unchanged, 2, "merging keeps what the table does not have");
        assert_eq!(wait(store.prices_of(Scope::All, id)).unwrap().len(), 4);
        assert_eq!(import(&newer, true, false).unchanged, 2);
        assert_eq!(wait(store.prices_of(Scope::All, id)).unwrap(), newer, "{}", bench.name);

        let alice = user(&store, "alice", "0");
        let own = wait(store.price_import(Scope::Own(alice), id, newer.clone(), (true, false)));
        assert!(matches!(own, Err(UserError::Denied { .. })));
        wait(store.set_fields(Scope::All, alice, vec![("billsourceid".into(), id.to_string())])).unwrap();
        assert!(matches!(wait(store.price_list_delete(Scope::All, id)), Err(UserError::Denied { .. })));
        wait(store.set_fields(Scope::All, alice, vec![("billsourceid".into(), "0".into())])).unwrap();
        assert_eq!(wait(store.price_list_delete(Scope::All, id)), Ok(2), "{}", bench.name);
        assert!(wait(store.price_lists(Scope::All)).unwrap().is_empty());
        assert_eq!(wait(store.price_list_delete(Scope::All, id)), Err(UserError::NotFound));
        store.close();
    }
}
