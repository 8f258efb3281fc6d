//! Lookup against a naive search, replacement, validity.

use strowger_model::{Amount, Unit};

use super::*;

/// A small generator (xorshift64*), so that a failure can be repeated.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % limit
    }
}

fn digits(seed: &mut Seeded, least: u64, most: u64) -> String {
    let length = least + seed.below(most - least + 1);
    (0..length).map(|_| char::from(b'0' + u8::try_from(seed.below(10)).unwrap())).collect()
}

#[test]
fn two_hundred_thousand_prefixes_agree_with_a_naive_search() {
    let mut seed = Seeded(20_261_121);
    let mut naive = BTreeMap::new();
    let mut entries = Vec::new();
    while naive.len() < 200_000 {
        let prefix = digits(&mut seed, 1, 9);
        if naive.insert(prefix.clone(), naive.len()).is_none() {
            let id = i64::try_from(entries.len()).unwrap();
            entries.push(PriceEntry::flat(id, 1, &prefix, "", Amount(id)));
        }
    }
    let mut book = PriceBook::default();
    book.replace_entries(1, entries);
    assert_eq!(book.entries(1).count(), 200_000);
    for _ in 0..50_000 {
        let number = digits(&mut seed, 3, 15);
        let expected =
            (1..=number.len()).rev().find_map(|n| naive.get_key_value(&number[..n]).map(|(p, _)| p));
        let found = book.lookup(1, &number, Wall(0)).map(|e| e.prefix.to_string());
        assert_eq!(found.as_ref(), expected, "{number}");
    }
}

#[test]
fn entries_are_replaced_one_by_one() {
    let mut book = PriceBook::default();
    let price = |book: &PriceBook, number: &str| book.lookup(1, number, Wall(0)).map(|e| e.price.0);
    assert!(book.put_entry(PriceEntry::flat(1, 1, "36", "HU", Amount(1))));
    assert!(book.put_entry(PriceEntry::flat(2, 1, "361", "Budapest", Amount(2))));
    assert!(!book.put_entry(PriceEntry::flat(3, 1, "36x", "?", Amount(3))));
    assert_eq!(price(&book, "36123"), Some(2));
    book.put_entry(PriceEntry::flat(2, 1, "362", "Pecs", Amount(4)));
    assert_eq!(price(&book, "36123"), Some(1));
    assert_eq!(price(&book, "+36223"), Some(4));
    book.remove_entry(1);
    assert_eq!(price(&book, "36123"), None);
    book.replace_entries(1, vec![PriceEntry::flat(9, 7, "", "World", Amount(9))]);
    assert_eq!(price(&book, "36223"), Some(9));
    assert_eq!(book.entries(1).map(|e| e.id).collect::<Vec<_>>(), [9]);
    book.remove_list(1);
    assert_eq!(price(&book, "36223"), None);
}

#[test]
fn an_entry_outside_its_validity_gives_way_to_a_shorter_prefix() {
    let mut book = PriceBook::default();
    book.put_entry(PriceEntry::flat(1, 1, "36", "HU", Amount(1)));
    let later = PriceEntry::flat(2, 1, "361", "Budapest", Amount(2));
    book.put_entry(PriceEntry { valid_from: Some(Wall(100)), valid_to: Some(Wall(200)), ..later });
    book.put_entry(PriceEntry {
        valid_from: Some(Wall(150)),
        ..PriceEntry::flat(3, 1, "361", "", Amount(3))
    });
    for (at, expected) in [(99, 1), (100, 2), (149, 2), (150, 3), (200, 3)] {
        assert_eq!(book.lookup(1, "3610", Wall(at)).map(|e| e.id), Some(expected), "{at}");
    }
}

#[test]
fn default_lists_are_found() {
    let mut book = PriceBook::default();
    let list = |id, reseller: Option<i64>, is_default| PriceList {
        id,
        name: "".into(),
        reseller: reseller.map(AccountId),
        currency: Unit::USD,
        is_default,
    };
    for l in [list(1, None, false), list(2, Some(7), false), list(3, Some(7), true), list(4, None, true)] {
        book.put_list(l);
    }
    assert_eq!(book.default_list().map(|l| l.id), Some(4));
    assert_eq!(book.reseller_list(AccountId(7)).map(|l| l.id), Some(3));
    assert_eq!(book.reseller_list(AccountId(8)), None);
}

#[test]
fn billing_times_come_and_go() {
    let mut book = PriceBook::default();
    let time = |id, entry| BillingTime {
        id,
        entry,
        kind: crate::TimeType::Peak,
        from_s: 0,
        to_s: 0,
        is_diff: false,
        price: Amount(1),
    };
    book.put_time(time(2, 5));
    book.put_time(time(1, 5));
    assert_eq!(book.times(5).iter().map(|t| t.id).collect::<Vec<_>>(), [1, 2]);
    book.put_time(time(1, 6));
    assert_eq!((book.times(5).len(), book.times(6).len()), (1, 1));
    book.remove_time(2);
    assert!(book.times(5).is_empty());
}
