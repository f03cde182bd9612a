//! Configurations as TOML: what is in force, with where each value comes from and how the memory is shared out, and in
//! which keys two of them differ.
//!
//! In: configurations, and origins. Out: a text that could be loaded as a file, or values by the names of their keys.

use std::collections::BTreeMap;

use sluice_model::memory_plan::MemoryPlan;
use toml::{Table, Value};

use super::{Config, Origin, names};

/// The keys in which two configurations differ, by name, with the values of both.
pub(crate) fn differences(one: &Config, other: &Config) -> Vec<(String, Value, Value)> {
    let (one, other) = (values(one), values(other));
    let mut found = Vec::new();
    for key in names::all() {
        if let (Some(one), Some(other)) = (value_of(&one, &key), value_of(&other, &key))
            && one != other
        {
            found.push((key, one.clone(), other.clone()));
        }
    }
    found.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    found
}

/// All values of a configuration, those of sections in tables.
fn values(config: &Config) -> Table {
    // Cannot fail: the fields are plain values.
    Table::try_from(config).unwrap_or_default()
}

/// Writes what is in force as a file that could be loaded, with a remark on each line where its value comes from.
pub fn show(config: &Config, origins: &BTreeMap<String, Origin>) -> String {
    let values = values(config);
    let (mut lines, mut current) = (Vec::new(), String::new());
    for dotted in names::all() {
        let (table, key) = dotted.split_once('.').unwrap_or(("", &dotted));
        if table != current {
            lines.push(format!("\n[{table}]"));
            table.clone_into(&mut current);
        }
        if let Some(value) = value_of(&values, &dotted) {
            let origin = origins.get(&dotted).unwrap_or(&Origin::Default);
            let setting = format!("{key} = {value}");
            lines.push(format!("{setting:<40} # {origin}"));
        }
    }
    lines.push(show_plan(&config.memory_plan()));
    lines.join("\n")
}

/// The memory plan, as remarks.
fn show_plan(plan: &MemoryPlan) -> String {
    let mib = |bytes: usize| bytes >> 20;
    format!(
        "\n# Memory plan, in MiB at most:\n\
         # {:>5}  large bodies and answers, all requests together\n\
         # {:>5}  small bodies and answers\n\
         # {:>5}  accepted indicators that are not in the trees yet\n\
         # {:>5}  work on slices of bodies\n\
         # {:>5}  parsers\n\
         # {:>5}  heavy reads of lookups\n\
         # {:>5}  light reads of lookups\n\
         # {:>5}  reads of short lookups\n\
         # {:>5}  blocks at hand for lookups\n\
         # {:>5}  merges, passwords, connections, the cache of the trees\n\
         # {:>5}  in all\n\
         # {:>5}  beside it filters and indexes of what is stored, 2 to 4 bytes each; large bodies give way to more, down to {}",
        mib(plan.body_bytes),
        mib(plan.small_bytes),
        mib(plan.memtable_bytes),
        mib(plan.slice_bytes),
        mib(plan.parser_bytes),
        mib(plan.heavy_read_bytes),
        mib(plan.light_read_bytes),
        mib(plan.short_read_bytes),
        mib(plan.block_cache_bytes),
        mib(plan.standing_bytes),
        mib(plan.sum()),
        mib(plan.stored_bytes),
        mib(plan.body_bytes_beside(usize::MAX)),
    )
}

/// The value of a key such as `tls.key`.
fn value_of<'table>(values: &'table Table, dotted: &str) -> Option<&'table Value> {
    match dotted.split_once('.') {
        Some((table, key)) => values.get(table)?.get(key),
        None => values.get(dotted),
    }
}
