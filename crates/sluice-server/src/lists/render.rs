//! The lines of a list in one of its formats.
//!
//! In: what is on the list, an entry at a time, in order. Out: text that the programs take which the format is for. Each writer refuses what
//! its format cannot hold, and never escapes with luck: one bad line costs most consumers the whole list. No time and nothing else that
//! changes from build to build stands in the text, but the serial of a zone.
//!
//! Names that cover what is below them are told once, and with them what is allowed below; where a format has no exceptions, a name with
//! some is told exactly, or not at all: nothing that is allowed is ever on a list. A format that is exact has the name with `www.` as well, which
//! normal forms do not have.

mod lines;
mod names;
mod networks;
mod urls;
mod zone;

use ipnet::IpNet;
use sluice_model::{matching, write_normal_form};

pub(super) use self::lines::Fit;
use self::{
    lines::{append_lines, append_member, append_object, append_record},
    names::{Exception, Reach},
};
use super::{
    addresses::Family,
    contents::ListContents,
    definition::ZoneSettings,
    format::ListFormat,
    keys::{self, Covering},
};

#[cfg(test)]
mod tests;

/// Entries that stand together, in the order of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Section {
    /// Networks of a family.
    Networks(Family),
    /// Hashes, names and URLs.
    Keys,
}

impl Section {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Networks(Family::V4), Self::Networks(Family::V6), Self::Keys];
}

/// Writes a list.
pub(super) struct ListRenderer<'a> {
    format: ListFormat,
    /// Name of the list.
    list: &'a str,
    zone: &'a ZoneSettings,
    entries_max: Option<u64>,
    contents: &'a ListContents,
    /// Whether the present section has an entry.
    has_entries: bool,
    /// Addresses that a set still has room for.
    members_left: u64,
    value: String,
}

impl<'a> ListRenderer<'a> {
    /// Begins.
    pub(super) fn new(
        format: ListFormat,
        list: &'a str,
        (zone, entries_max): (&'a ZoneSettings, Option<u64>),
        contents: &'a ListContents,
    ) -> Self {
        Self {
            format,
            list,
            zone,
            entries_max,
            contents,
            has_entries: false,
            members_left: networks::SET_MEMBERS_MAX,
            value: String::new(),
        }
    }

    /// What stands before all entries. The serial is that of a zone.
    pub(super) fn preamble(&self, serial: u32) -> String {
        let mut text = String::new();
        match self.format {
            ListFormat::Csv => text.push_str("indicator,kind,confidence\n"),
            ListFormat::Rpz => zone::append_preamble(&self.zone.origin, serial, &mut text),
            ListFormat::Nft => networks::append_nft_sets(self.list, &mut text),
            ListFormat::NginxMap => text.push_str("# map_hash_bucket_size 512; map_hash_max_size 262144;\n"),
            ListFormat::Zeek => {
                text.push_str("#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\tmeta.url\n");
            }
            ListFormat::Rsc => networks::append_rsc_removal(self.list, &mut text),
            _ => {}
        }
        text
    }

    /// Begins a section.
    pub(super) fn open(&mut self, section: Section, text: &mut String) {
        self.has_entries = false;
        if section == Section::Networks(Family::V4) {
            self.members_left = networks::SET_MEMBERS_MAX;
        }
        if let (ListFormat::Ipset, Section::Networks(family)) = (self.format, section) {
            let stretches = self.contents.stretches(family);
            let count = stretches.iter().flat_map(|one| one.networks(family)).count();
            let count = self.entries_max.unwrap_or(u64::MAX).min(count as u64);
            networks::append_ipset_begin(self.list, family, count, text);
        }
    }

    /// Ends a section.
    pub(super) fn close(&mut self, section: Section, text: &mut String) {
        match (self.format, section) {
            (ListFormat::Ipset, Section::Networks(family)) => {
                networks::append_ipset_end(self.list, family, text);
            }
            (ListFormat::Nft, Section::Networks(_)) if self.has_entries => text.push_str("\n}\n"),
            _ => {}
        }
    }

    /// Appends a network.
    pub(super) fn append_network(&mut self, network: IpNet, confidence: u8, text: &mut String) -> Fit {
        let kind = networks::kind_word(network);
        if !self.format.has("ipv4") {
            return Fit::Foreign;
        }
        let shown = networks::shown(network);
        match self.format {
            ListFormat::Csv => append_record(&shown, kind, confidence, text),
            ListFormat::Ndjson => append_object(&shown, kind, confidence, text),
            ListFormat::Nft => networks::append_nft(self.list, network, !self.has_entries, text),
            ListFormat::Rpz => zone::append_network(network, self.zone.action, text),
            ListFormat::SuricataNdjson => {
                return networks::append_set_members(network, &mut self.members_left, text);
            }
            format => networks::append_line(format, self.list, network, confidence, text),
        }
        self.has_entries = true;
        Fit::Written
    }

    /// Appends what the key at a place is.
    pub(super) fn append_key(&mut self, place: usize, text: &mut String) -> Fit {
        let key = self.contents.keys.key(place);
        let confidence = self.contents.keys.rank(place).confidence;
        self.value.clear();
        let Some((_, kind)) = write_normal_form(key, &mut self.value) else { return Fit::Dropped };
        if !self.format.has(kind) {
            return Fit::Foreign;
        }
        if keys::is_name(key) {
            return self.append_name(place, confidence, text);
        }
        if let Some((host, rest)) = matching::url_parts(key) {
            let Some(url) = urls::escaped(&self.value, self.format) else { return Fit::Dropped };
            match self.format {
                ListFormat::SquidUrls => {
                    let mut mask = key.get(..key.len() - rest.len()).unwrap_or(key).to_vec();
                    mask.extend_from_slice(b"*.");
                    let opens_itself = self.contents.allowed_names.contains(&mask);
                    let www = if opens_itself { "" } else { "(www\\.)?" };
                    return urls::append_pattern((host, www), &self.value, rest, text);
                }
                ListFormat::Csv => append_record(&url, kind, confidence, text),
                ListFormat::Ndjson => append_object(&url, kind, confidence, text),
                ListFormat::Zeek => names::append_intel(&url, "Intel::URL", self.list, text),
                _ => append_lines(&[&url], text),
            }
            return Fit::Written;
        }
        match self.format {
            ListFormat::Csv => append_record(&self.value, kind, confidence, text),
            ListFormat::Ndjson => append_object(&self.value, kind, confidence, text),
            ListFormat::Zeek => names::append_intel(&self.value, "Intel::FILE_HASH", self.list, text),
            ListFormat::SuricataNdjson => append_member(&self.value, text),
            _ => append_lines(&[&self.value], text),
        }
        Fit::Written
    }

    /// Appends a name or a mask.
    fn append_name(&self, place: usize, confidence: u8, text: &mut String) -> Fit {
        let names = &self.contents.keys;
        let (name, is_mask) = match self.value.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (self.value.as_str(), false),
        };
        let covering = self.format.covering();
        let has_masks = match covering {
            Some(covering) => covering == Covering::All,
            None => !names::is_exact(self.format),
        };
        if is_mask && !has_masks {
            return Fit::Dropped;
        }
        if covering.is_some_and(|covering| names.is_covered(place, covering)) {
            return Fit::Covered;
        }
        let exceptions = if names.has_exceptions(place) {
            names::exceptions(self.contents, place, self.format)
        } else {
            Vec::new()
        };
        let opens_itself = exceptions.iter().any(|one| one.reach == Reach::Below && one.name == name);
        let reach = if is_mask { Reach::Below } else { Reach::All };
        match self.format {
            ListFormat::Csv => append_record(&self.value, "domain", confidence, text),
            ListFormat::Ndjson => append_object(&self.value, "domain", confidence, text),
            ListFormat::Rpz => return zone::append_name(self.zone, (name, reach), &exceptions, text),
            // What has no exceptions must not say the name, or only the name itself.
            ListFormat::Cisco | ListFormat::Forti if !exceptions.is_empty() => return Fit::Dropped,
            ListFormat::Pan if is_mask && !exceptions.is_empty() => return Fit::Dropped,
            ListFormat::Unbound | ListFormat::PostfixAccess if opens_itself => return Fit::Dropped,
            format
                if names::is_exact(format)
                    || format == ListFormat::SquidDomains && !exceptions.is_empty() =>
            {
                names::append_exact(format, self.list, (name, opens_itself), text);
            }
            format if covering.is_some() => {
                let reach = if opens_itself && format == ListFormat::NginxMap { Reach::Name } else { reach };
                names::append_covering(format, (name, reach), names::OnList::Listed, text);
                for Exception { name, reach, .. } in exceptions.iter().filter(|one| one.is_told_here) {
                    names::append_covering(format, (name, *reach), names::OnList::Allowed, text);
                }
            }
            _ => append_lines(&[&self.value], text),
        }
        Fit::Written
    }
}
