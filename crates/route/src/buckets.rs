//! A map in many small shared pieces: a copy costs one reference per piece, and a change to a copy
//! copies one piece. So a new snapshot per change stays cheap with a hundred thousand accounts.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Pieces of one map.
const BUCKETS: usize = 256;

/// What decides the piece; fixed, so that the order is the same in every run.
pub(crate) trait Spread {
    fn spread(&self) -> u64;
}

impl Spread for i64 {
    fn spread(&self) -> u64 {
        self.cast_unsigned()
    }
}

/// Pairs are spread by their second part and stay in order by the first within a piece.
impl Spread for (i64, i64) {
    fn spread(&self) -> u64 {
        self.1.cast_unsigned()
    }
}

impl Spread for str {
    fn spread(&self) -> u64 {
        // FNV-1a; names are chosen by customers, but a crowded piece is only a deeper tree.
        self.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Buckets<K, V> {
    parts: Vec<Arc<BTreeMap<K, V>>>,
    len: usize,
}

impl<K: Ord + Clone, V: Clone> Default for Buckets<K, V> {
    fn default() -> Self {
        Self { parts: (0..BUCKETS).map(|_| Arc::default()).collect(), len: 0 }
    }
}

impl<K: Ord + Clone, V: Clone> Buckets<K, V> {
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Ord + Spread + ?Sized,
    {
        self.parts[part(key)].get(key)
    }

    pub(crate) fn insert<Q>(&mut self, key: K, value: V) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Ord + Spread + ?Sized,
    {
        let part = part(key.borrow());
        let old = Arc::make_mut(&mut self.parts[part]).insert(key, value);
        self.len += usize::from(old.is_none());
        old
    }

    pub(crate) fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Ord + Spread + ?Sized,
    {
        let old = Arc::make_mut(&mut self.parts[part(key)]).remove(key);
        self.len -= usize::from(old.is_some());
        old
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The keys of a range, piece by piece.
    pub(crate) fn range(&self, range: RangeInclusive<K>) -> impl Iterator<Item = &K> {
        self.parts.iter().flat_map(move |p| p.range(range.clone()).map(|(key, _)| key))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.parts.iter().flat_map(|p| p.values())
    }
}

fn part<Q: Spread + ?Sized>(key: &Q) -> usize {
    let mixed = key.spread().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56;
    usize::try_from(mixed).unwrap_or(0) % BUCKETS
}
