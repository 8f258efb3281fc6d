//! Generated music, until the caller hangs up or presses `#`.

use strowger_call::{App, AppEvent, AppOrder};
use strowger_model::media::Source;

/// The music line.
#[derive(Debug)]
pub struct Music;

impl App for Music {
    fn handle(&mut self, event: AppEvent) -> Vec<AppOrder> {
        match event {
            AppEvent::Started => vec![AppOrder::Answer, AppOrder::Source(Source::Music)],
            AppEvent::Dtmf('#') => vec![AppOrder::Hangup],
            AppEvent::Dtmf(_) | AppEvent::Played | AppEvent::Ended => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn music_plays_until_the_hash_key() {
        let mut music = Music;
        let orders = music.handle(AppEvent::Started);
        assert_eq!(orders, [AppOrder::Answer, AppOrder::Source(Source::Music)]);
        assert!(music.handle(AppEvent::Dtmf('5')).is_empty());
        assert_eq!(music.handle(AppEvent::Dtmf('#')), [AppOrder::Hangup]);
    }
}
