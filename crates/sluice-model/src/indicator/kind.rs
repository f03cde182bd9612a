//! What an indicator can be, and the verdict that a text is none of it.

use crate::limits;

/// What an indicator is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum IndicatorKind {
    /// An MD5 digest, 16 bytes.
    Md5,
    /// A SHA-1 digest, 20 bytes.
    Sha1,
    /// A SHA-256 digest, 32 bytes.
    Sha256,
    /// An IPv4 or IPv6 address.
    Ip,
    /// An IPv4 or IPv6 network.
    Network,
    /// A URL, a bare domain or a `*.` mask.
    Url,
}

/// What a text was recognized as, beside its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recognized {
    /// What it is.
    pub kind: IndicatorKind,
    /// How many `www.` were cut off its host; 255 also for more.
    pub www_labels: u8,
}

impl From<IndicatorKind> for Recognized {
    fn from(kind: IndicatorKind) -> Self {
        Self { kind, www_labels: 0 }
    }
}

/// Why a text is no indicator. One reason each for what could be read as another value than was meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAnIndicator {
    /// The text is of no known kind.
    #[error("Invalid indicator format")]
    Format,
    /// An IPv4 address that reads differently in octal and in decimal.
    #[error("Invalid indicator format: an IPv4 address has no leading zeros")]
    LeadingZero,
    /// A notation of an address other than four decimal parts, without anything that says that it is one.
    #[error("Invalid indicator format: a bare number is no IP address")]
    BareNumber,
    /// Several addresses, with a hyphen or placeholders.
    #[error("Invalid indicator format: ranges and wildcards of IP addresses are not taken")]
    AddressRange,
    /// An e-mail address.
    #[error("Invalid indicator format: an e-mail address is no URL")]
    EmailAddress,
    /// A mask of a public suffix or of more.
    #[error("Invalid indicator format: a mask of a public suffix is too wide")]
    WideMask,
    /// A network with a shorter prefix than any that is stored.
    #[error("Invalid indicator format: a network is too wide")]
    WideNetwork,
    /// A prefix mask of a path with more than [`limits::PREFIX_MASK_SEGMENTS_MAX`] segments.
    #[error(
        "Invalid indicator format: a path before /* has at most {} segments",
        limits::PREFIX_MASK_SEGMENTS_MAX
    )]
    DeepMask,
}

impl NotAnIndicator {
    /// Every reason, in order.
    pub const ALL: [Self; 8] = [
        Self::Format,
        Self::LeadingZero,
        Self::BareNumber,
        Self::AddressRange,
        Self::EmailAddress,
        Self::WideMask,
        Self::WideNetwork,
        Self::DeepMask,
    ];
}
