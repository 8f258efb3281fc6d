//! The readers: a few threads with a connection each that run closures. Each statement is stopped after the
//! limit, so that no query keeps a snapshot (and with it SQLite's WAL) alive for long.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::db::{Conn, Fault};
use crate::errors::{OpenError, Unavailable};
use crate::options::{Database, Options};
use crate::shared::Shared;

/// A query: it gets a connection, or why there is none.
pub(crate) type Query<T> = Box<dyn FnOnce(Result<&mut Conn, Unavailable>) -> T + Send>;

/// What a reader thread is given.
type Job = Box<dyn FnOnce(Result<&mut Conn, Unavailable>) + Send>;

/// The pool.
pub(crate) struct Readers {
    jobs: Mutex<Option<Sender<Job>>>,
}

impl Readers {
    /// Starts the threads; each has its connection before this returns.
    pub(crate) fn start(options: &Options, shared: &Arc<Shared>, limit: Duration) -> Result<Self, OpenError> {
        Ok(Self { jobs: Mutex::new(Some(Self::threads(options, shared, limit)?)) })
    }

    /// Fresh threads with fresh connections take over; the old ones answer what waits and end. Returns how many.
    pub(crate) fn restart(
        &self,
        options: &Options,
        shared: &Arc<Shared>,
        limit: Duration,
    ) -> Result<usize, OpenError> {
        let fresh = Self::threads(options, shared, limit)?;
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        // A closed pool stays closed.
        if jobs.is_some() {
            *jobs = Some(fresh);
        }
        Ok(options.readers.max(1))
    }

    fn threads(options: &Options, shared: &Arc<Shared>, limit: Duration) -> Result<Sender<Job>, OpenError> {
        let (sender, receiver) = channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..options.readers.max(1) {
            let conn = Conn::reader(&options.database, limit)?;
            let (inbox, database) = (Arc::clone(&receiver), options.database.clone());
            let shared = Arc::clone(shared);
            thread::Builder::new()
                .name(format!("store-reader-{number}"))
                .spawn(move || {
                    shared.watch.adopt(&format!("reader{number}"));
                    serve(&inbox, &database, limit, conn);
                })
                .map_err(|source| OpenError::File { path: "thread".into(), source })?;
        }
        Ok(sender)
    }

    /// Runs a query on whichever thread is free.
    pub(crate) fn ask<T: Send + 'static>(&self, query: Query<T>) -> oneshot::Receiver<T> {
        let (sender, answer) = oneshot::channel();
        let job: Job = Box::new(move |conn| {
            // Whoever asked may have gone.
            let _ = sender.send(query(conn));
        });
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = jobs.as_ref() {
            // An unsent job drops its sender, which the caller sees as closed.
            let _ = jobs.send(job);
        }
        answer
    }

    /// Lets the threads end when they have answered what waits.
    pub(crate) fn stop(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn serve(inbox: &Mutex<Receiver<Job>>, database: &Database, limit: Duration, conn: Conn) {
    let mut conn = Some(conn);
    loop {
        let next = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        if conn.as_mut().is_some_and(is_dead) {
            conn = None;
        }
        if conn.is_none() {
            conn = match Conn::reader(database, limit) {
                Ok(conn) => Some(conn),
                Err(fault) => {
                    job(Err(fault.into()));
                    continue;
                }
            };
        }
        if let Some(conn) = conn.as_mut() {
            job(Ok(conn));
        }
    }
}

/// The connection is lost (PostgreSQL only).
fn is_dead(conn: &mut Conn) -> bool {
    match conn {
        Conn::Sqlite(_) => false,
        Conn::Postgres(_) => matches!(conn.query("SELECT 1", &[]), Err(Fault::Lost(_))),
    }
}
