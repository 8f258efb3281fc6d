//! The handle: opening, closing, and the way of an operation to the writer and of a query to the readers.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use strowger_model::payment::{MoneyEvent, MoneyOrder, Refusal};
use tokio::sync::oneshot;

use crate::checkpoint;
use crate::db::{Conn, READ_LIMIT_MS, values};
use crate::errors::{OpenError, ReadError, Unavailable};
use crate::money::{self, MoneyFault};
use crate::options::{Database, Options};
use crate::reader::{Query, Readers};
use crate::schema;
use crate::shared::Shared;
use crate::tx::{End, Op, Stop, Task, Tx, Verdict, own_fault};
use crate::writer::{Emergency, Message, Writer};

/// A handle to an open database. Clones are cheap; the last one that goes closes it.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({:?})", self.inner.options.database)
    }
}

/// What all handles share.
pub(crate) struct Inner {
    pub(crate) options: Options,
    pub(crate) shared: Arc<Shared>,
    writer: Sender<Message>,
    pub(crate) readers: Readers,
    pub(crate) credits: crate::credit::Seen,
    pub(crate) comparisons: crate::tsql::Pace,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Held as long as the database is open: only one process may write a SQLite file.
    lock: Mutex<Option<Arc<File>>>,
}

impl Store {
    /// Opens the database, brings its schema up to date, and carries out what the emergency file of an
    /// earlier run still holds. Blocks.
    ///
    /// # Errors
    /// Another process has the database, or it cannot be opened or upgraded.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let lock = match &options.database {
            Database::Sqlite(path) => Some(Arc::new(take_lock(path)?)),
            Database::Postgres(_) => None,
        };
        let mut conn = Conn::writer(&options.database, Arc::clone(&options.faults))?;
        schema::migrate(&mut conn)?;
        conn.execute(
            "INSERT INTO epoch (node, epoch) VALUES (?1, 0) ON CONFLICT (node) DO NOTHING",
            &values![u32::from(options.node)],
        )?;
        let shared = Arc::new(Shared::default());
        let readers = Readers::start(&options, &shared, Duration::from_millis(READ_LIMIT_MS))?;
        let (sender, inbox) = channel();
        let (held, watched) = (lock.clone(), Arc::clone(&shared));
        let writer = Writer::new(options.clone(), Arc::clone(&shared), conn);
        let thread = thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                watched.watch.adopt("writer");
                writer.run(&inbox);
                // A store that was dropped unclosed stays locked until its last commit.
                drop(held);
            })
            .map_err(|source| OpenError::File { path: PathBuf::from("thread"), source })?;
        let store = Self {
            inner: Arc::new(Inner {
                options,
                shared,
                writer: sender,
                readers,
                credits: crate::credit::Seen::default(),
                comparisons: crate::tsql::Pace::default(),
                threads: Mutex::new(vec![thread]),
                lock: Mutex::new(lock),
            }),
        };
        if let Some(thread) = checkpoint::start(&store.inner.options, &store.inner.shared)? {
            store.adopt(thread);
        }
        store.settle_emergency()?;
        Ok(store)
    }

    /// The epoch that recovery gave this process, 0 before it.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.inner.shared.epoch().unwrap_or(0)
    }

    /// The database failed for good: a flush was refused, so what the disk holds is unknown until the next start.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.inner.shared.is_broken()
    }

    /// Fresh connections for the writer and the readers, while the store is in use: what runs is finished on the old
    /// ones. Returns how many there are. Blocks.
    ///
    /// # Errors
    /// The database cannot be reached; the old connections stay where they still work.
    pub fn reconnect(&self) -> Result<usize, OpenError> {
        let readers = self.inner.readers.restart(
            &self.inner.options,
            &self.inner.shared,
            Duration::from_millis(READ_LIMIT_MS),
        )?;
        let (sender, answer) = oneshot::channel();
        let done = Box::new(move |outcome: Result<(), Unavailable>| {
            // Whoever asked may have gone.
            let _ = sender.send(outcome);
        });
        let failed = |what: String| OpenError::Fault { what };
        self.inner.writer.send(Message::Reconnect(done)).map_err(|_| failed("closed".to_owned()))?;
        let outcome = answer.blocking_recv().unwrap_or(Err(Unavailable::Closed));
        outcome.map_err(|why| failed(why.to_string()))?;
        Ok(readers + 1)
    }

    /// Commits what is queued, ends the threads and releases the lock. Blocks. Later operations answer
    /// [`Unavailable::Closed`].
    pub fn close(&self) {
        // A writer that is gone already has nothing to commit.
        let _ = self.inner.writer.send(Message::Close);
        let threads = std::mem::take(&mut *guard(&self.inner.threads));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
        self.inner.shared.close();
        self.inner.readers.stop();
        guard(&self.inner.lock).take();
    }

    /// Carries out a call's money order. Never blocks; `done` is called once on the writer's thread after the
    /// durable commit and must only pass the event on. While the database is unwell a settlement is kept and
    /// answered when it is durable.
    pub fn money(&self, order: MoneyOrder, done: Box<dyn FnOnce(MoneyEvent) + Send>) {
        self.send(Box::new(MoneyOp { order, done, event: None }));
    }

    /// Runs an operation on the writer.
    pub(crate) async fn write<T, E, F>(&self, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Unavailable> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, Stop<E>> + Send + 'static,
    {
        let answer = self.submit(body);
        answer.await.unwrap_or_else(|_| Err(Unavailable::Closed.into()))
    }

    /// Runs an operation on the writer in a transaction of its own.
    pub(crate) async fn write_alone<T, E, F>(&self, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Unavailable> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, Stop<E>> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        self.send(Task::boxed_alone(body, move |result| {
            // Whoever asked may have gone; the write stands.
            let _ = sender.send(result);
        }));
        answer.await.unwrap_or_else(|_| Err(Unavailable::Closed.into()))
    }

    /// The same for a caller without an executor.
    pub(crate) fn write_blocking<T, E, F>(&self, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Unavailable> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, Stop<E>> + Send + 'static,
    {
        let answer = self.submit(body);
        answer.blocking_recv().unwrap_or_else(|_| Err(Unavailable::Closed.into()))
    }

    /// Runs an operation on the writer and calls `done` on its thread after the commit.
    pub(crate) fn write_then<T, E, F>(&self, body: F, done: impl FnOnce(Result<T, E>) + Send + 'static)
    where
        T: Send + 'static,
        E: From<Unavailable> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, Stop<E>> + Send + 'static,
    {
        self.send(Task::boxed(body, done));
    }

    /// Runs an operation whose success interests nobody.
    pub(crate) fn write_and_forget<E, F>(&self, body: F, failed: fn(&E))
    where
        E: From<Unavailable> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<(), Stop<E>> + Send + 'static,
    {
        self.send(Task::boxed(body, move |result: Result<(), E>| {
            if let Err(error) = &result {
                failed(error);
            }
        }));
    }

    fn submit<T, E, F>(&self, body: F) -> oneshot::Receiver<Result<T, E>>
    where
        T: Send + 'static,
        E: From<Unavailable> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, Stop<E>> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        self.send(Task::boxed(body, move |result| {
            // Whoever asked may have gone; the write stands.
            let _ = sender.send(result);
        }));
        answer
    }

    fn send(&self, op: Box<dyn Op>) {
        self.inner.shared.waiting.fetch_add(1, Ordering::Relaxed);
        if let Err(unsent) = self.inner.writer.send(Message::Op(op))
            && let Message::Op(op) = unsent.0
        {
            self.inner.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            op.finish(End::Unavailable(Unavailable::Closed));
        }
    }

    /// Notes an account's line state; written with the next tick of the writer.
    pub(crate) fn send_line(&self, account: strowger_model::AccountId, status: i64, at_ms: i64) {
        // A closed store has no use for it.
        let _ = self.inner.writer.send(Message::Line(account, status, at_ms));
    }

    /// Waits until the line states that are noted by now are in the database, for somebody who is about to read them.
    pub(crate) async fn write_lines(&self) {
        let (sender, written) = oneshot::channel();
        let done = Box::new(move || {
            // Whoever asked may have gone.
            let _ = sender.send(());
        });
        if self.inner.writer.send(Message::WriteLines(done)).is_ok() {
            // A writer that ended meanwhile writes nothing more.
            let _ = written.await;
        }
    }

    /// Runs a query on one of the readers.
    pub(crate) async fn read<T, E>(&self, query: Query<Result<T, E>>) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<ReadError> + Send + 'static,
    {
        let closed = || Err(ReadError::Unavailable(Unavailable::Closed).into());
        self.inner.readers.ask(query).await.unwrap_or_else(|_| closed())
    }

    /// The same for a caller without an executor.
    pub(crate) fn read_blocking<T>(&self, query: Query<Result<T, ReadError>>) -> Result<T, ReadError>
    where
        T: Send + 'static,
    {
        let answer = self.inner.readers.ask(query).blocking_recv();
        answer.unwrap_or_else(|_| Err(Unavailable::Closed.into()))
    }

    /// Adds a thread that [`Store::close`] waits for.
    pub(crate) fn adopt(&self, thread: JoinHandle<()>) {
        guard(&self.inner.threads).push(thread);
    }

    /// Settlements that an earlier run could not write.
    fn settle_emergency(&self) -> Result<(), OpenError> {
        let path = &self.inner.options.emergency;
        let emergency = Emergency::new(path.clone());
        let lines = emergency.lines().map_err(|source| OpenError::File { path: path.clone(), source })?;
        if lines.is_empty() {
            return Ok(());
        }
        for line in lines {
            let Ok(order) = serde_json::from_str::<MoneyOrder>(&line) else {
                tracing::error!("a line of the emergency file was cut short; recovery settles that call");
                continue;
            };
            let (sender, answer) = oneshot::channel();
            self.money(
                order,
                Box::new(move |event| {
                    let _ = sender.send(event);
                }),
            );
            match answer.blocking_recv() {
                Ok(MoneyEvent::Refused { why: Refusal::StoreUnwell, .. }) | Err(_) => {
                    let what = self.inner.shared.unwell().unwrap_or_else(|| "closed".to_owned());
                    return Err(OpenError::Emergency { path: path.clone(), what });
                }
                Ok(event) => tracing::info!(?event, "settled from the emergency file"),
            }
        }
        emergency.clear();
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The writer sees its channel close, commits what is queued and ends by itself.
        self.shared.close();
    }
}

/// A money order on its way through the writer.
struct MoneyOp {
    order: MoneyOrder,
    done: Box<dyn FnOnce(MoneyEvent) + Send>,
    event: Option<MoneyEvent>,
}

impl Op for MoneyOp {
    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict {
        let step = self.order.step();
        let (event, verdict) = match money::carry_out(tx, &self.order) {
            Ok(event) => (event, Verdict::Keep),
            Err(Stop::Refuse(MoneyFault::Event(event))) => (event, Verdict::Undo),
            Err(Stop::Refuse(MoneyFault::Unavailable(why))) => {
                tracing::error!(%step, %why, "a money step was not carried out");
                (MoneyEvent::Refused { step, why: Refusal::StoreUnwell }, Verdict::Undo)
            }
            Err(Stop::Fault(fault)) => {
                if own_fault(&fault).is_none() {
                    return Verdict::Fault(fault);
                }
                tracing::error!(%step, %fault, "ALARM: a money step failed");
                (MoneyEvent::Refused { step, why: Refusal::StoreUnwell }, Verdict::Spoilt)
            }
        };
        self.event = Some(event);
        verdict
    }

    fn finish(self: Box<Self>, end: End) {
        let unwell = MoneyEvent::Refused { step: self.order.step(), why: Refusal::StoreUnwell };
        (self.done)(match end {
            End::Committed => self.event.unwrap_or(unwell),
            End::Unavailable(_) => unwell,
        });
    }

    fn emergency(&self) -> Option<String> {
        match self.order {
            MoneyOrder::Settle { .. } | MoneyOrder::Release { .. } => serde_json::to_string(&self.order).ok(),
            MoneyOrder::Hold { .. } | MoneyOrder::Extend { .. } => None,
        }
    }

    fn changes_rows(&self) -> bool {
        false
    }
}

/// The guarded value, also after a thread died while it held it.
fn guard<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks the file beside the database.
fn take_lock(database: &Path) -> Result<File, OpenError> {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
    let file = file.map_err(|source| OpenError::File { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path }),
        Err(TryLockError::Error(source)) => Err(OpenError::File { path, source }),
    }
}
