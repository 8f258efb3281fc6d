//! What call records lack: the name of their destination.

use strowger_model::Wall;
use strowger_store::MAX_BATCH;

use crate::dispatch::Call;
use crate::reply::Failure;

/// A day, in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// The longest period, in days.
const MAX_DAYS: u32 = 3_660;

/// Fills in the names that the payers' price lists know; answers how many records lacked one, and how many of them
/// have one now. Each batch is a transaction of its own, so calls are not held up.
pub async fn fill(call: &Call, days: u32) -> Result<(u64, u64), Failure> {
    let from = Wall(call.now().wall.0 - i64::from(days.clamp(1, MAX_DAYS)) * DAY_MS);
    let (mut after, mut seen, mut filled) = (0, 0, 0);
    loop {
        let batch = call.store().nameless(from, after).await?;
        let Some(last) = batch.last() else { return Ok((seen, filled)) };
        let full = batch.len() >= MAX_BATCH;
        after = last.id;
        seen += batch.len() as u64;
        let snapshot = call.switch().snapshot();
        let names: Vec<(i64, String)> = batch
            .into_iter()
            .filter_map(|record| {
                let rating =
                    snapshot.price_for(record.payer, record.dialled.trim_start_matches('+'), record.start)?;
                (!rating.direction.is_empty()).then_some((record.id, rating.direction))
            })
            .collect();
        if !names.is_empty() {
            filled += call.store().name_destinations(names).await?;
        }
        if !full {
            return Ok((seen, filled));
        }
    }
}
