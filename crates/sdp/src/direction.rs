//! Who sends and who receives, always from the view of the description's author.

/// The direction attribute of a media line (RFC 3264 section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Both ways: what an absent attribute means.
    #[default]
    SendRecv,
    /// The author only sends: it has put the other side on hold.
    SendOnly,
    /// The author only receives.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The direction in which the author sends and receives as given.
    #[must_use]
    pub const fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Does the author send?
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Does the author receive?
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same flow told by the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self::of(self.receives(), self.sends())
    }

    /// What both allow.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self::of(self.sends() && other.sends(), self.receives() && other.receives())
    }

    /// The attribute's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The direction that an attribute names; none for any other attribute.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive]
            .into_iter()
            .find(|d| name.eq_ignore_ascii_case(d.name().as_bytes()))
    }
}
