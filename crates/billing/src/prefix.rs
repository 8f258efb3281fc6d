//! An index by prefix: a tree with one level per digit in one block of memory, so that a lookup
//! touches as many nodes as the number has digits, whatever the number of prefixes.

/// Digits of a prefix or number that are looked at; ITU-T E.164 has 15, tech prefixes come before.
pub const MAX_DIGITS: usize = 40;
const NONE: u32 = 0;

/// Values under prefixes of `0`–`9`, `*` and `#`. A leading `+` is ignored.
#[derive(Debug, Clone)]
pub struct PrefixIndex {
    nodes: Vec<Node>,
    /// The values of nodes that have some; `Node::values` is the position plus one.
    values: Vec<Values>,
}

/// The values of one prefix: nearly always one, which is kept in place so that a copy of the index is a copy of
/// two blocks of memory.
#[derive(Debug, Clone)]
enum Values {
    One(u32),
    Several(Vec<u32>),
}

impl Values {
    const fn as_slice(&self) -> &[u32] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Several(values) => values.as_slice(),
        }
    }

    fn push(&mut self, value: u32) {
        match self {
            Self::Several(values) if values.is_empty() => *self = Self::One(value),
            Self::Several(values) => values.push(value),
            Self::One(first) => *self = Self::Several(vec![*first, value]),
        }
    }

    fn remove(&mut self, value: u32) {
        match self {
            Self::One(only) if *only == value => *self = Self::Several(Vec::new()),
            Self::One(_) => {}
            Self::Several(values) => values.retain(|v| *v != value),
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Node {
    children: [u32; 12],
    values: u32,
}

impl Default for PrefixIndex {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], values: Vec::new() }
    }
}

impl PrefixIndex {
    /// Puts a value under a prefix. False where the prefix cannot be dialled, or is too long.
    pub fn insert(&mut self, prefix: &str, value: u32) -> bool {
        let prefix = prefix.strip_prefix('+').unwrap_or(prefix);
        if prefix.len() > MAX_DIGITS || prefix.bytes().any(|b| branch(b).is_none()) {
            return false;
        }
        let mut at = 0;
        for branch in prefix.bytes().filter_map(branch) {
            let next = self.nodes[at].children[branch];
            at = if next == NONE {
                let Ok(new) = u32::try_from(self.nodes.len()) else { return false };
                self.nodes.push(Node::default());
                self.nodes[at].children[branch] = new;
                new as usize
            } else {
                next as usize
            };
        }
        if let Some(values) = (self.nodes[at].values as usize).checked_sub(1) {
            self.values[values].push(value);
            return true;
        }
        self.values.push(Values::One(value));
        let Ok(values) = u32::try_from(self.values.len()) else { return false };
        self.nodes[at].values = values;
        true
    }

    /// Takes a value from a prefix. Nodes stay for the next one that comes.
    pub fn remove(&mut self, prefix: &str, value: u32) {
        let prefix = prefix.strip_prefix('+').unwrap_or(prefix);
        let mut at = 0;
        for byte in prefix.bytes() {
            let Some(next) = branch(byte).map(|b| self.nodes[at].children[b]).filter(|n| *n != NONE) else {
                return;
            };
            at = next as usize;
        }
        if let Some(values) = (self.nodes[at].values as usize).checked_sub(1) {
            self.values[values].remove(value);
        }
    }

    /// The values under every prefix of the number, the longest first. What follows the first character
    /// that cannot be dialled is not looked at.
    pub fn matches(&self, number: &str) -> impl Iterator<Item = &[u32]> {
        let number = number.strip_prefix('+').unwrap_or(number);
        let mut found = [NONE; MAX_DIGITS + 1];
        let mut count = 0;
        let mut at = 0;
        let mut digits = number.bytes();
        loop {
            if self.nodes[at].values != NONE {
                found[count] = self.nodes[at].values;
                count += 1;
            }
            if count > MAX_DIGITS {
                break;
            }
            match digits.next().and_then(branch).map(|b| self.nodes[at].children[b]) {
                None | Some(NONE) => break,
                Some(next) => at = next as usize,
            }
        }
        (0..count).rev().map(move |i| self.values[found[i] as usize - 1].as_slice())
    }

    /// Every value, in the order of the prefixes.
    #[must_use]
    pub fn values(&self) -> Vec<u32> {
        let mut all = Vec::new();
        let mut open = vec![0_u32];
        while let Some(at) = open.pop() {
            let node = &self.nodes[at as usize];
            if let Some(values) = (node.values as usize).checked_sub(1) {
                all.extend_from_slice(self.values[values].as_slice());
            }
            open.extend(node.children.iter().rev().filter(|c| **c != NONE));
        }
        all
    }
}

const fn branch(byte: u8) -> Option<usize> {
    match byte {
        b'0'..=b'9' => Some((byte - b'0') as usize),
        b'*' => Some(10),
        b'#' => Some(11),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(index: &PrefixIndex, number: &str) -> Option<u32> {
        index.matches(number).find_map(|v| v.first().copied())
    }

    #[test]
    fn the_longest_prefix_comes_first() {
        let mut index = PrefixIndex::default();
        for (value, prefix) in ["", "3", "361", "3620", "+44", "*21#"].iter().enumerate() {
            assert!(index.insert(prefix, u32::try_from(value).unwrap()), "{prefix}");
        }
        assert!(!index.insert("36x", 9));
        assert!(!index.insert(&"1".repeat(MAX_DIGITS + 1), 9));
        for (number, expected) in
            [("3612345", 2), ("+362012", 3), ("37", 1), ("4420", 4), ("*21#36", 5), ("9", 0), ("abc", 0)]
        {
            assert_eq!(first(&index, number), Some(expected), "{number}");
        }
        index.insert("361", 7);
        index.insert("361", 8);
        assert_eq!(index.matches("361").next(), Some([2, 7, 8].as_slice()));
        for value in [2, 8, 7] {
            index.remove("361", value);
        }
        index.remove("3620", 99);
        assert_eq!(first(&index, "3612345"), Some(1));
        assert_eq!(index.values(), [0, 1, 3, 4, 5]);
        assert_eq!(index.matches(&"3".repeat(1000)).count(), 2);
    }
}
