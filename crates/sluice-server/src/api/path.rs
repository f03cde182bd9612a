//! Request paths, byte for byte: split at `/` first, decode afterwards, once.
//!
//! In: the raw path of a request. Out: its version and its raw segments, and a segment's decoded text. Nothing
//! is normalized, so `%2F` never splits, `..` is a name like any other, and two different escapes of bad UTF-8
//! never become the same name: they become none.
//!
//! What the segments mean is the route table's affair.

use sluice_model::percent;

#[cfg(test)]
mod tests;

/// A version of the API, oldest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Version {
    /// 1.0.
    V1_0,
    /// 1.1: tags.
    V1_1,
    /// 1.2: detection marks.
    V1_2,
    /// 1.3: tenants.
    V1_3,
}

impl Version {
    fn parse(segment: &str) -> Option<Self> {
        match segment {
            "1.0" => Some(Self::V1_0),
            "1.1" => Some(Self::V1_1),
            "1.2" => Some(Self::V1_2),
            "1.3" => Some(Self::V1_3),
            _ => None,
        }
    }
}

/// Segments that the longest route has, and one more, so that a longer path is seen to be longer.
const SEGMENTS_MAX: usize = 5;

/// Splits `/api/{version}/a/b` into the version and `["a", "b"]`, raw.
pub(crate) fn split(path: &str) -> Option<(Version, Vec<&str>)> {
    let rest = path.strip_prefix("/api/")?;
    let (version, request) = rest.split_once('/')?;
    Some((Version::parse(version)?, request.splitn(SEGMENTS_MAX, '/').collect()))
}

/// Decodes the percent-escapes of one segment, once; `None` for a bad escape or bytes that are not UTF-8.
pub(crate) fn decode(segment: &str) -> Option<String> {
    String::from_utf8(percent::decode_strictly(segment)?).ok()
}
