//! What is on a list, whatever its format: the indicators of one snapshot that its definition wants, without what is allowed.
//!
//! In: a definition and a snapshot. Out: keys in order and networks that hold each address once, all with their rank; how many were kept
//! out, and when the first of them expires. What is allowed is the same by every level that a lookup has: an allowed name covers what is below
//! it, an allowed network what it holds. So what is on a list is detected by a lookup, and what a lookup detects is on the list unless it is allowed
//! there or its format cannot say it.
//!
//! Memory: 28 bytes for each key beside it and 48 for each network, both twice while they are put in order; [`ListMemory`] asks for it as they
//! come, [`CONTENT_BYTES_MAX`] at most.

use std::num::TryFromIntError;

use sluice_ingest::{Busy, Ingestor, Permit};
use sluice_model::{
    SupplierId, TenantId, limits,
    matching::{self, MatchScope},
};
use sluice_store::{ReadError, SelectedHolding, Selection, Snapshot, Wanted, catalogue::Supplier};

use super::{
    addresses::{self, Family, Merging, Rank, Stretch},
    definition::{ListDefinition, is_label},
    keys::{self, KeyList},
};

/// Memory of what is on a list, in bytes.
const CONTENT_BYTES_MAX: usize = 256 * limits::MIB;

/// Bytes of the files of all lists.
pub(super) const LISTS_BYTES_MAX: u64 = 8 << 30;

/// Memory is asked for in steps of so many bytes.
const MEMORY_STEP_BYTES: usize = 4 * limits::MIB;

/// What reading takes: two windows of rows, a posting list, a block of each run.
const READING_BYTES: usize = 8 * limits::MIB;

/// What the top-level domain of a name begins with that is none in a response policy zone: it is told addresses, clients and servers there.
const ZONE_TRIGGER: &str = "rpz-";

/// Why a list was not built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// A tenant, supplier or tag that it names is not there.
    #[error("there is no {what} {name}")]
    Missing {
        /// What.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Others have the memory for it.
    #[error("there is no memory for it now")]
    NoMemory(#[source] Busy),
    /// It would take too much memory.
    #[error("it is too long: what is on it would take more than {CONTENT_BYTES_MAX} bytes of memory")]
    TooLong,
    /// What is stored cannot be read.
    #[error("what is stored cannot be read")]
    Read(#[source] ReadError),
    /// Its file cannot be written or read.
    #[error("its file cannot be written or read")]
    Io(#[source] std::io::Error),
    /// The daemon stops, or the list is defined otherwise by now.
    #[error("it is not wanted any more")]
    Stopping,
    /// Its files and those of others would take more of the disk than all may.
    #[error("the files of all lists take more than {LISTS_BYTES_MAX} bytes")]
    NoRoom,
    /// The thread that builds has panicked over it.
    #[error("building it panicked")]
    Panicked,
}

impl BuildError {
    fn missing(what: &'static str, name: &str) -> Self {
        Self::Missing { what, name: name.to_owned() }
    }
}

impl From<TryFromIntError> for BuildError {
    fn from(_too_many_bytes: TryFromIntError) -> Self {
        Self::TooLong
    }
}

/// What is on a list.
#[derive(Default)]
pub(super) struct ListContents {
    /// Hashes, names, masks and URLs.
    pub(super) keys: KeyList,
    /// Networks of each family.
    pub(super) v4: Vec<Stretch>,
    pub(super) v6: Vec<Stretch>,
    /// Names that are allowed, of which none covers another.
    pub(super) allowed_names: KeyList,
    /// Indicators that the definition wants and no format may have.
    pub(super) kept_out: u64,
    /// The second in which the first indicator expires that is on the list, or is allowed.
    pub(super) expires_seconds: Option<u64>,
}

impl ListContents {
    /// Networks of a family.
    pub(super) fn stretches(&self, family: Family) -> &[Stretch] {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    fn bytes(&self) -> usize {
        self.keys.bytes() + (self.v4.capacity() + self.v6.capacity()) * size_of::<Stretch>()
    }

    fn take(
        &mut self,
        key: &[u8],
        rank: Rank,
        allowed: &Allowed,
        room: &mut Vec<u8>,
    ) -> Result<(), BuildError> {
        match stretch_of(key, rank) {
            Some((Family::V4, stretch)) => self.v4.push(stretch),
            Some((Family::V6, stretch)) => self.v6.push(stretch),
            None if is_kept_out(key) || allowed.allows(key, room) || allowed.is_below(key) => {
                self.kept_out += 1;
            }
            None => self.keys.push(key, rank)?,
        }
        Ok(())
    }
}

/// Whether no format may have an indicator: names that are public suffixes, or that are none everywhere, and URLs that devices
/// would read as something else.
fn is_kept_out(key: &[u8]) -> bool {
    match matching::url_parts(key) {
        Some((host, "")) if keys::is_name(key) => {
            matching::is_public_suffix(host) || !is_plain_host(host) || host.starts_with(ZONE_TRIGGER)
        }
        Some(_) => is_like_network(key),
        None => false,
    }
}

/// The memory of a list that is being built.
pub(super) struct ListMemory<'i> {
    ingestor: &'i Ingestor,
    permits: Vec<Permit>,
}

impl<'i> ListMemory<'i> {
    /// Asks for what reading takes, and for what of the memtable the snapshot keeps.
    pub(super) fn begin(ingestor: &'i Ingestor, memtable_bytes: usize) -> Result<Self, BuildError> {
        let reading = ingestor.reserve_whole(READING_BYTES + memtable_bytes).map_err(BuildError::NoMemory)?;
        Ok(Self { ingestor, permits: vec![reading] })
    }

    /// Holds `bytes` in all, and as many again while they grow.
    fn hold(&mut self, bytes: usize) -> Result<(), BuildError> {
        let wanted = bytes.saturating_mul(2);
        if CONTENT_BYTES_MAX < wanted {
            return Err(BuildError::TooLong);
        }
        while (self.permits.len() - 1) * MEMORY_STEP_BYTES < wanted {
            let more = self.ingestor.reserve_whole(MEMORY_STEP_BYTES).map_err(BuildError::NoMemory)?;
            self.permits.push(more);
        }
        Ok(())
    }
}

/// What allow lists hold.
#[derive(Default)]
struct Allowed {
    names: KeyList,
    others: KeyList,
    v4: Vec<Stretch>,
    v6: Vec<Stretch>,
}

impl Allowed {
    fn stretches(&self, family: Family) -> &[Stretch] {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    fn bytes(&self) -> usize {
        let stretches = self.v4.capacity() + self.v6.capacity();
        self.names.bytes() + self.others.bytes() + stretches * size_of::<Stretch>()
    }

    fn take(&mut self, key: &[u8]) -> Result<(), BuildError> {
        // Whoever allows it, it is allowed.
        let rank = Rank::default();
        match stretch_of(key, rank) {
            Some((Family::V4, stretch)) => self.v4.push(stretch),
            Some((Family::V6, stretch)) => self.v6.push(stretch),
            None => {
                let list = if keys::is_name(key) { &mut self.names } else { &mut self.others };
                list.push(key, rank)?;
            }
        }
        Ok(())
    }

    /// Whether what has this key is allowed: by itself, by one of the levels of a lookup, or by a network that holds its host.
    fn allows(&self, key: &[u8], room: &mut Vec<u8>) -> bool {
        if let Some(host) = matching::address_or_network(key) {
            let stretch = Stretch::of(host, Rank::default());
            if addresses::is_held(stretch, self.stretches(Family::of(host))) {
                return true;
            }
        }
        if self.names.len() + self.others.len() == 0 {
            return false;
        }
        if let Some(group) = matching::group_of(key)
            && self.names.places_below(group).next().is_none()
            && self.others.places_below(group).next().is_none()
        {
            return false;
        }
        let tried = matching::candidate_keys(
            key,
            0,
            MatchScope::Levels,
            |_mark| true,
            room,
            |candidate| {
                let is_there = self.names.contains(candidate.key) || self.others.contains(candidate.key);
                if is_there { Err(()) } else { Ok(()) }
            },
        );
        tried.is_err()
    }
}

impl Allowed {
    /// Whether something is allowed that a URL with a mask, or a prefix of URLs, matches: no format could say that.
    fn is_below(&self, key: &[u8]) -> bool {
        let Some((host, rest)) = matching::url_parts(key) else { return false };
        let host_end = key.len() - rest.len();
        let beginning = match (host.strip_suffix("*."), key.strip_suffix(b"*")) {
            (Some(_), _) if !rest.is_empty() => key.get(..host_end - "*.".len()),
            (None, Some(beginning)) if rest.ends_with("/*") => Some(beginning),
            _ => None,
        };
        beginning.is_some_and(|beginning| {
            self.names.places_below(beginning).next().is_some()
                || self.others.places_below(beginning).next().is_some()
        })
    }
}

/// Gathers what is on a list.
///
/// # Errors
///
/// By variant of [`BuildError`].
pub(super) fn gather(
    definition: &ListDefinition,
    tenant: &str,
    (snapshot, now_seconds): (&Snapshot, u32),
    memory: &mut ListMemory<'_>,
    is_wanted: &dyn Fn() -> bool,
) -> Result<ListContents, BuildError> {
    let catalogue = snapshot.catalogue();
    let Some(tenant) = catalogue.tenant(tenant) else { return Err(BuildError::missing("tenant", tenant)) };
    let [wanted, allowing] = suppliers(definition, snapshot, tenant)?;
    let of_allowing = Selection {
        suppliers: allowing,
        rows_max: u64::MAX,
        now_seconds,
        without_contexts: true,
        ..Selection::default()
    };
    let mut of_list = Selection { suppliers: wanted, kinds: definition.kind_words(), ..of_allowing.clone() };
    for name in &definition.tags {
        let Some(tag) = catalogue.tag(&name.to_ascii_uppercase()) else {
            return Err(BuildError::missing("tag", name));
        };
        of_list.tags.push(tag.id);
    }
    let mut allowed = Allowed::default();
    let first_allowed = read_rows(snapshot, &of_allowing, is_wanted, |key, _rank| {
        memory.hold(allowed.bytes())?;
        allowed.take(key)
    })?;
    for stretches in [&mut allowed.v4, &mut allowed.v6] {
        addresses::cover(stretches, Merging::Neighbors);
    }
    allowed.names.mark_covered(&KeyList::default());
    let (mut contents, mut room) = (ListContents::default(), Vec::new());
    let first_wanted = read_rows(snapshot, &of_list, is_wanted, |key, rank| {
        memory.hold(allowed.bytes() + contents.bytes())?;
        contents.take(key, rank, &allowed, &mut room)
    })?;
    contents.expires_seconds = first_allowed.into_iter().chain(first_wanted).min();
    let merging = if definition.aggregate { Merging::Neighbors } else { Merging::Held };
    for (stretches, allowed) in [(&mut contents.v4, &allowed.v4), (&mut contents.v6, &allowed.v6)] {
        addresses::cover(stretches, merging);
        *stretches = addresses::subtract(stretches, allowed);
    }
    contents.keys.mark_covered(&allowed.names);
    contents.allowed_names = allowed.names;
    memory.hold(contents.bytes())?;
    Ok(contents)
}

/// Suppliers by number, each with the seconds after which what it holds expires.
type Retentions = Vec<(SupplierId, u64)>;

/// Whose indicators are wanted, and whose are allowed.
fn suppliers(
    definition: &ListDefinition,
    snapshot: &Snapshot,
    tenant: TenantId,
) -> Result<[Retentions; 2], BuildError> {
    let catalogue = snapshot.catalogue();
    let named = |names: &[String]| {
        let mut known = Vec::new();
        for name in names {
            match catalogue.supplier(tenant, name) {
                Some(supplier) => known.push(supplier),
                None => return Err(BuildError::missing("supplier", name)),
            }
        }
        Ok(known)
    };
    let allowing = named(&definition.allow)?;
    let mut wanted = Vec::new();
    if definition.names_all_suppliers() {
        for supplier in catalogue.suppliers(tenant) {
            if !definition.allow.iter().any(|name| name == supplier.name.as_str()) {
                wanted.push(supplier);
            }
        }
    } else {
        wanted = named(&definition.suppliers)?;
    }
    wanted.retain(|one| definition.min_confidence <= one.settings.confidence.get());
    Ok([retentions(&wanted), retentions(&allowing)])
}

/// Those that are enabled, ascending.
fn retentions(suppliers: &[&Supplier]) -> Retentions {
    let enabled = suppliers.iter().filter(|supplier| supplier.settings.enabled);
    let mut retentions: Retentions =
        enabled.map(|supplier| (supplier.id, supplier.settings.retention.seconds())).collect();
    retentions.sort_unstable();
    retentions.dedup();
    retentions
}

/// Reads rows, each with the rank of the holding that counts most. Returns the second in which the first holding expires.
fn read_rows(
    snapshot: &Snapshot,
    selection: &Selection,
    is_wanted: &dyn Fn() -> bool,
    mut take: impl FnMut(&[u8], Rank) -> Result<(), BuildError>,
) -> Result<Option<u64>, BuildError> {
    let catalogue = snapshot.catalogue();
    let (mut rank, mut first_expires) = (Rank::default(), None);
    let mut outcome = Ok(());
    let visit = |holding: Option<&SelectedHolding<'_>>| {
        if !is_wanted() {
            outcome = Err(BuildError::Stopping);
            return Wanted::Enough;
        }
        let Some(holding) = holding else { return Wanted::More };
        if holding.is_first {
            rank = Rank::default();
        }
        let confidence =
            catalogue.supplier_by_id(holding.supplier).map_or(0, |known| known.settings.confidence.get());
        let updated_seconds = u32::try_from(holding.updated_seconds).unwrap_or(u32::MAX);
        rank = rank.max(Rank { confidence, updated_seconds });
        // Its confidence may be that of a holding that expires before others.
        first_expires = Some(first_expires.unwrap_or(u64::MAX).min(holding.expires_seconds));
        if holding.is_last {
            outcome = take(holding.key, rank);
        }
        if outcome.is_ok() { Wanted::More } else { Wanted::Enough }
    };
    snapshot.select(selection, &[], visit).map_err(BuildError::Read)?;
    outcome.map(|()| first_expires)
}

/// The addresses of an address or network, and their family; `None` for all else.
fn stretch_of(key: &[u8], rank: Rank) -> Option<(Family, Stretch)> {
    if matching::is_url(key) {
        return None;
    }
    let network = matching::address_or_network(key)?;
    Some((Family::of(network), Stretch::of(network, rank)))
}

/// Whether every consumer takes a host, in key form, as the name that it is.
fn is_plain_host(host: &str) -> bool {
    let Some(labels) = host.strip_suffix("*.").unwrap_or(host).strip_suffix('.') else { return false };
    labels.len() <= limits::HOST_BYTES_MAX && labels.split('.').all(is_label)
}

/// Whether devices would read a URL as a network: `192.0.2.1/24` and `192.0.2.1/255.255.255.0` were sent with a
/// scheme.
fn is_like_network(key: &[u8]) -> bool {
    let Some((_, rest)) = matching::url_parts(key) else { return false };
    let mask = rest.strip_prefix('/').unwrap_or(rest);
    matching::address_or_network(key).is_some()
        && mask.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}
