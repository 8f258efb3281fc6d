//! The echo test: callers hear themselves.

use strowger_call::{App, AppEvent, AppOrder};
use strowger_model::media::Source;

/// The echo test.
#[derive(Debug)]
pub struct Echo;

impl App for Echo {
    fn handle(&mut self, event: AppEvent) -> Vec<AppOrder> {
        match event {
            AppEvent::Started => vec![AppOrder::Answer, AppOrder::Source(Source::Echo)],
            AppEvent::Dtmf(_) | AppEvent::Played | AppEvent::Ended => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_is_answered_and_hears_itself() {
        let mut echo = Echo;
        let orders = echo.handle(AppEvent::Started);
        assert_eq!(orders, [AppOrder::Answer, AppOrder::Source(Source::Echo)]);
        assert!(echo.handle(AppEvent::Dtmf('1')).is_empty());
    }
}
