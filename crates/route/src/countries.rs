//! Calling codes and national prefixes (ITU-T E.164 country codes, ITU dialling procedures) of countries
//! where a national number is dialled after a prefix, for accounts whose `country` names one of them.
//! Countries without such a prefix are left out: their national numbers cannot be told from others.

/// ISO 3166 code and English name in lower case, country code, national prefix.
const COUNTRIES: [(&str, &str, &str, &str); 59] = [
    ("ae", "united arab emirates", "971", "0"),
    ("al", "albania", "355", "0"),
    ("am", "armenia", "374", "0"),
    ("ar", "argentina", "54", "0"),
    ("at", "austria", "43", "0"),
    ("au", "australia", "61", "0"),
    ("ba", "bosnia and herzegovina", "387", "0"),
    ("bd", "bangladesh", "880", "0"),
    ("be", "belgium", "32", "0"),
    ("bg", "bulgaria", "359", "0"),
    ("br", "brazil", "55", "0"),
    ("ca", "canada", "1", "1"),
    ("ch", "switzerland", "41", "0"),
    ("cn", "china", "86", "0"),
    ("de", "germany", "49", "0"),
    ("dz", "algeria", "213", "0"),
    ("eg", "egypt", "20", "0"),
    ("fi", "finland", "358", "0"),
    ("fr", "france", "33", "0"),
    ("gb", "united kingdom", "44", "0"),
    ("ge", "georgia", "995", "0"),
    ("hr", "croatia", "385", "0"),
    ("hu", "hungary", "36", "06"),
    ("id", "indonesia", "62", "0"),
    ("ie", "ireland", "353", "0"),
    ("il", "israel", "972", "0"),
    ("in", "india", "91", "0"),
    ("iq", "iraq", "964", "0"),
    ("ir", "iran", "98", "0"),
    ("jo", "jordan", "962", "0"),
    ("jp", "japan", "81", "0"),
    ("ke", "kenya", "254", "0"),
    ("kr", "south korea", "82", "0"),
    ("lk", "sri lanka", "94", "0"),
    ("ma", "morocco", "212", "0"),
    ("me", "montenegro", "382", "0"),
    ("mk", "north macedonia", "389", "0"),
    ("my", "malaysia", "60", "0"),
    ("ng", "nigeria", "234", "0"),
    ("nl", "netherlands", "31", "0"),
    ("nz", "new zealand", "64", "0"),
    ("pe", "peru", "51", "0"),
    ("ph", "philippines", "63", "0"),
    ("pk", "pakistan", "92", "0"),
    ("ro", "romania", "40", "0"),
    ("rs", "serbia", "381", "0"),
    ("ru", "russia", "7", "8"),
    ("sa", "saudi arabia", "966", "0"),
    ("se", "sweden", "46", "0"),
    ("si", "slovenia", "386", "0"),
    ("sk", "slovakia", "421", "0"),
    ("th", "thailand", "66", "0"),
    ("tr", "turkey", "90", "0"),
    ("tw", "taiwan", "886", "0"),
    ("ua", "ukraine", "380", "0"),
    ("us", "united states", "1", "1"),
    ("ve", "venezuela", "58", "0"),
    ("vn", "vietnam", "84", "0"),
    ("za", "south africa", "27", "0"),
];

/// The country code and the national prefix of a country, by its ISO code or English name in lower case.
pub(crate) fn dialling(country: &str) -> Option<(&'static str, &'static str)> {
    let found = COUNTRIES.iter().find(|(iso, name, ..)| *iso == country || *name == country);
    found.map(|(_, _, code, prefix)| (*code, *prefix))
}

/// Two-digit country codes (ITU-T E.164, list of assigned codes).
const OF_TWO: &[&str] = &[
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48",
    "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81",
    "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
];

/// Ranges of three-digit country codes, and of the shared codes of networks and services (the same list).
const OF_THREE: &[(u16, u16)] = &[
    (211, 213),
    (216, 216),
    (218, 218),
    (220, 258),
    (260, 269),
    (290, 291),
    (297, 299),
    (350, 359),
    (370, 383),
    (385, 387),
    (389, 389),
    (420, 421),
    (423, 423),
    (500, 509),
    (590, 599),
    (670, 670),
    (672, 683),
    (685, 692),
    (800, 800),
    (808, 808),
    (850, 850),
    (852, 853),
    (855, 856),
    (870, 870),
    (878, 878),
    (880, 883),
    (886, 886),
    (960, 968),
    (970, 977),
    (979, 979),
    (992, 996),
    (998, 998),
];

/// The country code that a number in international form begins with; none: nobody has it.
#[must_use]
pub fn country_code(number: &str) -> Option<&str> {
    let first = number.as_bytes().first()?;
    if matches!(first, b'1' | b'7') {
        return number.get(..1);
    }
    let two = number.get(..2)?;
    if OF_TWO.contains(&two) {
        return Some(two);
    }
    let three = number.get(..3)?;
    let value: u16 = three.bytes().all(|b| b.is_ascii_digit()).then(|| three.parse().ok())??;
    OF_THREE.iter().any(|(first, last)| (*first..=*last).contains(&value)).then_some(three)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_numeric() {
        assert!(COUNTRIES.is_sorted_by(|a, b| a.0 < b.0));
        for (iso, name, code, prefix) in COUNTRIES {
            assert!(iso.len() == 2 && name.len() > 2 && name == name.to_lowercase(), "{iso} {name}");
            assert!([code, prefix].iter().all(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit())));
        }
        assert_eq!(dialling("hungary"), dialling("hu"));
        assert_eq!(dialling("atlantis"), None);
    }

    #[test]
    fn numbers_begin_with_assigned_country_codes() {
        assert!(COUNTRIES.iter().all(|(.., code, _)| country_code(&format!("{code}55512345")) == Some(code)));
        assert!(OF_TWO.is_sorted() && OF_THREE.is_sorted_by(|a, b| a.1 < b.0));
        for (number, code) in [
            ("36301234567", Some("36")),
            ("7", Some("7")),
            ("3531", Some("353")),
            ("2101234567", None),
            ("9991", None),
            ("35", None),
            ("", None),
            ("0", None),
            ("é1", None),
        ] {
            assert_eq!(country_code(number), code, "{number}");
        }
    }
}
