//! The fields of the Elastic Common Schema that are looked at, by their full names.

/// A field whose values are indicators.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum CommonField {
    Ip,
    Md5,
    Sha1,
    Sha256,
    UrlFull,
    UrlOriginal,
    UrlDomain,
}

impl CommonField {
    const ALL: [Self; 7] =
        [Self::Ip, Self::Md5, Self::Sha1, Self::Sha256, Self::UrlFull, Self::UrlOriginal, Self::UrlDomain];

    /// Its full name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ip => "threat.indicator.ip",
            Self::Md5 => "threat.indicator.file.hash.md5",
            Self::Sha1 => "threat.indicator.file.hash.sha1",
            Self::Sha256 => "threat.indicator.file.hash.sha256",
            Self::UrlFull => "threat.indicator.url.full",
            Self::UrlOriginal => "threat.indicator.url.original",
            Self::UrlDomain => "threat.indicator.url.domain",
        }
    }
}

/// What is done with a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Known {
    /// It holds others.
    Object,
    /// Its values are indicators.
    Field(CommonField),
    /// It is a member of the context, of this name.
    Context(&'static str),
    Tags,
    /// It holds what is no indicator here.
    Unsupported,
    /// The text that a shipper has not taken apart.
    Message,
}

const OBJECTS: [&str; 7] = [
    "threat",
    "threat.indicator",
    "threat.indicator.file",
    "threat.indicator.file.hash",
    "threat.indicator.url",
    "threat.indicator.marking",
    "threat.feed",
];

/// Fields of the context; the name there is without the prefix.
const CONTEXT: [&str; 13] = [
    "type",
    "provider",
    "confidence",
    "first_seen",
    "last_seen",
    "modified_at",
    "reference",
    "description",
    "sightings",
    "marking.tlp",
    "port",
    "name",
    "id",
];

/// Objects and fields below the prefix that hold what is no indicator here.
const UNSUPPORTED: [&str; 3] = ["email", "registry", "x509"];

/// What is done with the field of a full name; `None` for one that is passed over.
pub(super) fn known(name: &str) -> Option<Known> {
    if OBJECTS.contains(&name) {
        return Some(Known::Object);
    }
    if let Some(field) = CommonField::ALL.iter().find(|field| field.as_str() == name) {
        return Some(Known::Field(*field));
    }
    match name {
        "tags" => return Some(Known::Tags),
        "message" => return Some(Known::Message),
        "threat.feed.name" => return Some(Known::Context("feed")),
        _ => {}
    }
    let below = name.strip_prefix("threat.indicator.")?;
    if let Some(context) = CONTEXT.iter().find(|context| **context == below) {
        return Some(Known::Context(context));
    }
    let first = below.split('.').next()?;
    UNSUPPORTED.contains(&first).then_some(Known::Unsupported)
}
