//! Kinds of hashes that are indicators, by the names that other formats have for them. Pure.

/// An algorithm whose hashes are indicators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum HashKind {
    Md5,
    Sha1,
    Sha256,
}

impl HashKind {
    /// Its kind by a name of any spelling.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let letters =
            name.bytes().filter(|byte| !matches!(byte, b'-' | b'_')).map(|byte| byte.to_ascii_lowercase());
        let is = |known: &[u8]| letters.clone().eq(known.iter().copied());
        [(&b"md5"[..], Self::Md5), (b"sha1", Self::Sha1), (b"sha256", Self::Sha256)]
            .into_iter()
            .find_map(|(known, kind)| is(known).then_some(kind))
    }

    /// Whether a text is a hash of the kind.
    pub(crate) fn is_of(self, text: &str) -> bool {
        let digits = match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha256 => 64,
        };
        text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

#[cfg(test)]
mod tests;
