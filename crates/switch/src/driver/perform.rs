//! Performs what a shard wants: sends, orders to media and store, answers, events, the bindings log.

use std::collections::BTreeMap;
use std::net::{IpAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::sync::Arc;

use strowger_call::{Carrier, Hop};
use strowger_media::EngineHandle;
use strowger_model::event::{CallChanged, Notice};
use strowger_model::id::FlowId;
use strowger_model::media::MediaOrder;
use strowger_store::Store;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::bindings_log::BindingsLog;
use super::flows::Flows;
use super::inbox::{Inbox, Letter};
use super::sys::{Outgoing, send_all};
use crate::clock::Clock;
use crate::handle::types::LineStatus;
use crate::shard::{Answer, ApiInSip, PeopleAnswer, PeopleOrder, Shard, ShardOutput};

/// The surroundings of one shard.
pub struct Performer {
    /// The UDP sockets: of the SIP port and of the main port.
    pub sockets: [Option<Arc<UdpSocket>>; 2],
    /// Which of them speak IPv6, and with it IPv4 in mapped form; that stays when they are bound anew.
    pub v6: [bool; 2],
    /// Connections.
    pub flows: Flows,
    /// The media engine.
    pub media: EngineHandle,
    /// The store.
    pub store: Store,
    /// Everybody who watches.
    pub events: broadcast::Sender<CallChanged>,
    /// Those who watch more than calls.
    pub notices: broadcast::Sender<Notice>,
    /// API requests that came by SIP, for the gate.
    pub api: mpsc::Sender<ApiInSip>,
    /// The bindings log.
    pub log: BindingsLog,
    /// Back into this shard.
    pub inbox: Inbox,
    /// The clock.
    pub clock: Clock,
    /// Who waits for which answer.
    pub waiting: BTreeMap<u64, oneshot::Sender<Answer>>,
    /// Orders to the media engine, given together.
    pub media_orders: Vec<MediaOrder>,
    /// What connections are to send, or that they are to be closed, in order.
    pub streams: Vec<Stream>,
    /// Datagrams to be sent, by socket.
    pub batches: [Vec<Outgoing<Arc<[u8]>>>; 2],
}

/// What is to happen on a connection.
pub enum Stream {
    /// A message.
    Send(Hop, Arc<[u8]>),
    /// Its end.
    Close(FlowId),
}

impl Performer {
    /// Performs everything that the shard wants now; media orders and what is sent wait for [`Performer::flush`].
    pub fn perform(&mut self, shard: &mut Shard) {
        while let Some(output) = shard.poll_output() {
            match output {
                ShardOutput::Transmit { to, bytes } if to.carrier == Carrier::Udp => {
                    let (socket, local) = shard.socket(to.listener);
                    self.queue(socket, local, to.address, bytes);
                }
                ShardOutput::Transmit { to, bytes } => self.streams.push(Stream::Send(to, bytes)),
                ShardOutput::Media(order) => self.media_orders.push(order),
                ShardOutput::Money(order) => {
                    let inbox = self.inbox.clone();
                    let done = move |event| {
                        inbox.post(Letter::Money(event));
                    };
                    self.store.money(order, Box::new(done));
                }
                ShardOutput::People(order) => self.people(order),
                ShardOutput::Changed(changed) => {
                    // Nobody watching is no error.
                    let _ = self.notices.send(Notice::Call(changed.clone()));
                    let _ = self.events.send(changed);
                }
                ShardOutput::Notice(notice) => drop(self.notices.send(notice)),
                ShardOutput::Reply { token, answer } => {
                    if let Some(waiting) = self.waiting.remove(&token) {
                        // Whoever asked may have gone.
                        let _ = waiting.send(answer);
                    }
                }
                ShardOutput::CloseFlow(flow) => self.streams.push(Stream::Close(flow)),
                ShardOutput::Binding(frames) => self.log.append(frames),
                ShardOutput::Api(request) => {
                    // A full queue drops it: the client sends it again, and then gives up.
                    let _ = self.api.try_send(request);
                }
                ShardOutput::LineState { account, status } => {
                    if let Some(status) = stored(status) {
                        self.store.line_state(account, status, self.clock.now().wall);
                    }
                }
            }
        }
    }

    fn people(&self, order: PeopleOrder) {
        let inbox = self.inbox.clone();
        match order {
            PeopleOrder::Keep { token, message } => {
                let underway = message.underway;
                self.store.keep_message(message, move |outcome| {
                    inbox.post(Letter::People(PeopleAnswer::Kept { token, underway, outcome }));
                });
            }
            PeopleOrder::Take { account } => self.store.take_messages(account, move |taken| {
                // What cannot be read now waits for the next registration.
                let messages = taken.unwrap_or_default();
                inbox.post(Letter::People(PeopleAnswer::Taken { account, messages }));
            }),
            PeopleOrder::Sent { id, delivered } => self.store.message_sent(id, delivered),
        }
    }

    fn queue(&mut self, socket: u8, local: IpAddr, to: std::net::SocketAddr, bytes: Arc<[u8]>) {
        let wanted = usize::from(socket & 1);
        // Where only one of the two ports is open, it serves for both.
        let index = if self.sockets[wanted].is_some() { wanted } else { wanted ^ 1 };
        self.batches[index].push(Outgoing { to, local, bytes });
    }

    /// Orders and sends what has gathered: a port is ready and a binding written before the peer hears of it.
    pub fn flush(&mut self) {
        if !self.media_orders.is_empty() {
            self.media.orders(&mut self.media_orders);
        }
        self.log.settle();
        for stream in self.streams.drain(..) {
            match stream {
                Stream::Send(to, bytes) => self.flows.send(&to, &bytes),
                Stream::Close(flow) => self.flows.close(flow),
            }
        }
        for ((socket, v6), batch) in self.sockets.iter().zip(self.v6).zip(&mut self.batches) {
            if batch.is_empty() {
                continue;
            }
            if let Some(socket) = socket {
                let lost = send_all(socket.as_fd(), v6, batch);
                if lost > 0 {
                    tracing::trace!(lost, "the system did not take some datagrams");
                }
            }
            batch.clear();
        }
    }
}

/// The socket speaks IPv6, and with it IPv4 in mapped form.
pub fn is_v6(socket: &UdpSocket) -> bool {
    socket.local_addr().is_ok_and(|address| address.is_ipv6())
}

const fn stored(status: LineStatus) -> Option<strowger_store::LineStatus> {
    match status {
        LineStatus::Unknown => None,
        LineStatus::Offline => Some(strowger_store::LineStatus::Offline),
        LineStatus::Online => Some(strowger_store::LineStatus::Registered),
        LineStatus::Calling => Some(strowger_store::LineStatus::Calling),
        LineStatus::Speaking => Some(strowger_store::LineStatus::Speaking),
    }
}
