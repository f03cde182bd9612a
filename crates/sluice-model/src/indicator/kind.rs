//! What an indicator can be, and the verdict that a text is none of it.

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
    /// A URL, a bare domain or a `*.` mask.
    Url,
}

/// The text is of no known kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Invalid indicator format")]
pub struct NotAnIndicator;
