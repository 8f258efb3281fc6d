//! The configuration as routing understands it.

use std::collections::BTreeMap;

use strowger_billing::{Calendar, holiday_days};
use strowger_config::Config;
use strowger_model::{Amount, Unit, Wall};
use strowger_route::{NationalRule, Numbering, Service, Settings};
use strowger_store::HolidayRow;

use crate::clock::offset_min;

/// Works it out. `now` decides the time zone's offset and in which years recurring holidays lie.
pub fn of(config: &Config, holidays: &[HolidayRow], now: Wall) -> Settings {
    let mut days: Vec<i32> = holidays.iter().flat_map(|row| holiday_days(&row.date, now)).collect();
    days.sort_unstable();
    days.dedup();
    Settings {
        realm: config.realm.as_str().into(),
        domains: config.domain.iter().map(|domain| domain.as_str().into()).collect(),
        currency: config.defcurrency.parse().unwrap_or(Unit::USD),
        onnet_price: config.onnetprice.map(|price| Amount(price.0)),
        default_price: config.defprice.map(|price| Amount(price.0)),
        no_answer_ms: config.noanswertimeout.saturating_mul(1000),
        max_hops: u8::try_from(config.maxhops).unwrap_or(u8::MAX),
        services: services(config),
        calendar: Calendar { utc_offset_min: offset_min(&config.timezone, now), holidays: days.into() },
        numbering: numbering(config),
        ..Settings::default()
    }
}

fn services(config: &Config) -> BTreeMap<Box<str>, Service> {
    let pairs = [
        (&config.servicevoicemail, Service::Voicemail),
        (&config.servicemusic, Service::Music),
        (&config.servicerecording, Service::Joke),
        (&config.servicedelayedecho, Service::DelayedEcho),
        (&config.serviceecho, Service::Echo),
        (&config.servicerecord, Service::Record),
        (&config.serviceplayback, Service::Playback),
        (&config.serviceredial, Service::Redial),
    ];
    pairs
        .into_iter()
        .filter(|(number, _)| !number.is_empty())
        .map(|(number, service)| (number.as_str().into(), service))
        .collect()
}

fn numbering(config: &Config) -> Numbering {
    let default = (!config.countrycode.is_empty()).then(|| NationalRule {
        trunk_prefix: config.nationalprefix.as_str().into(),
        country_code: config.countrycode.as_str().into(),
    });
    Numbering {
        international_prefix: config.internationalprefix.as_str().into(),
        default,
        national: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_names_services_prices_and_numbers() {
        let config = Config::with(&[
            ("serviceecho", "900"),
            ("servicemusic", ""),
            ("defprice", "0.25"),
            ("countrycode", "36"),
            ("maxhops", "7"),
        ]);
        let settings = of(&config, &[], Wall(0));
        assert_eq!(settings.services.get("900"), Some(&Service::Echo));
        assert!(!settings.services.values().any(|service| *service == Service::Music));
        assert_eq!((settings.default_price, settings.max_hops), (Some(Amount(250_000)), 7));
        assert_eq!(settings.numbering.default.unwrap().country_code, "36".into());
        assert!(of(&Config::defaults(), &[], Wall(0)).numbering.default.is_none());
    }
}
