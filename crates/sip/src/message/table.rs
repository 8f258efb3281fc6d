//! Where the parts of a message lie in its buffer. Ranges have 16 bits: no message is longer than 65,535 bytes.

use crate::header::HeaderId;

/// Fields kept inside the message value; more spill to the heap.
const INLINE_FIELDS: usize = 28;

/// The fields of one message, at most. More is an attack or a loop.
pub(crate) const MAX_FIELDS: usize = 256;

/// A range of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    start: u16,
    length: u16,
}

impl Span {
    /// The range of the buffer; empty where it lies beyond 65,535 bytes, which parsing excludes.
    pub(crate) fn new(start: usize, end: usize) -> Self {
        let length = end.saturating_sub(start);
        match (u16::try_from(start), u16::try_from(length)) {
            (Ok(start), Ok(length)) => Self { start, length },
            _ => Self::default(),
        }
    }

    /// The range of `part`, which is a slice of `whole`, even where it is empty.
    pub(crate) fn of(whole: &[u8], part: &[u8]) -> Self {
        let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
        Self::new(start, start + part.len())
    }

    pub(crate) fn get(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start()..self.end()).unwrap_or(b"")
    }

    /// The text; empty where it is not UTF-8.
    pub(crate) fn text(self, bytes: &[u8]) -> &str {
        std::str::from_utf8(self.get(bytes)).unwrap_or("")
    }

    pub(crate) fn start(self) -> usize {
        usize::from(self.start)
    }

    pub(crate) fn end(self) -> usize {
        usize::from(self.start) + usize::from(self.length)
    }
}

/// One header field.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Entry {
    pub(crate) id: HeaderId,
    pub(crate) name: Span,
    pub(crate) value: Span,
}

/// The fields of a message in wire order.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    inline: [Entry; INLINE_FIELDS],
    length: usize,
    spilled: Vec<Entry>,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { inline: [Entry::default(); INLINE_FIELDS], length: 0, spilled: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.length + self.spilled.len()
    }

    pub(crate) fn at(&self, position: usize) -> Option<&Entry> {
        match position.checked_sub(INLINE_FIELDS) {
            None => self.inline[..self.length].get(position),
            Some(spilled) => self.spilled.get(spilled),
        }
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        match self.inline.get_mut(self.length) {
            Some(place) => {
                *place = entry;
                self.length += 1;
            }
            None => self.spilled.push(entry),
        }
    }

    pub(crate) fn last_mut(&mut self) -> Option<&mut Entry> {
        if self.spilled.is_empty() {
            self.length.checked_sub(1).map(|at| &mut self.inline[at])
        } else {
            self.spilled.last_mut()
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> + Clone {
        self.inline[..self.length].iter().chain(&self.spilled)
    }

    pub(crate) fn first(&self, id: HeaderId) -> Option<&Entry> {
        self.iter().find(|entry| entry.id == id)
    }
}
