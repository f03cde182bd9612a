//! Rounds: each fills the daemon and the oracle with the same values, compares lookups, and empties both.
//!
//! In: the daemon's binary. Out: the summary. Of three rounds, the first begins with a stopped daemon into whose store old
//! values are written, the second looks values up that a restart had to bring back, and the third ends with a daemon that
//! is configured for exact matches.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value as Json, json};

use super::{
    aged::{self, Aged},
    asking::{self, Element},
    draw,
    summary::OracleSummary,
    world::{FALSE_POSITIVE, INTERNAL, Supplier, Tenant},
};
use crate::{client::Client, daemon::Daemon, dice::Dice};

const TENANTS: [&str; 3] = ["General", "acme", "umbrella"];
/// Suppliers beside the built-in ones, and whether they refang.
const SUPPLIERS: [(&str, bool); 5] =
    [("FeedA", false), ("FeedB", false), ("FeedC", false), ("Defanged", true), ("Off", false)];
/// Lookups with the settings of a moment.
const LOOKUPS: u64 = 4_000;
/// Lookups with exact matches.
const EXACT_LOOKUPS: u64 = 1_000;
/// Objects of a request: single ones go another way than many.
const OBJECTS_MAX: [u64; 4] = [1, 4, 200, 2_000];
/// Elements of a PUT of a usual supplier, and of `FalsePositive`.
const ELEMENTS: (usize, usize) = (60, 12);
/// Values of a round that are old.
const AGED: usize = 200;
/// Minutes: of a day, and more than any retention.
const AGES: [u64; 2] = [1_440, 12_000_000];
/// Minutes: less than a day, and the most there is.
const RETENTIONS: [u64; 2] = [60, RETENTION_MAX];
const RETENTION_MAX: u64 = 5_256_000;

/// A daemon, and the oracle beside it.
struct Trial<'a> {
    binary: &'a Path,
    dir: tempfile::TempDir,
    daemon: Daemon,
    tenants: BTreeMap<&'static str, Tenant>,
    dice: Dice,
}

/// Compares rounds until there were so many lookups.
pub(super) fn run(binary: &Path, lookups: u64, summary: &mut OracleSummary) {
    let mut trial = Trial::start(binary, summary.seed);
    for round in 0_u64.. {
        if lookups <= summary.lookups {
            break;
        }
        trial.settle();
        if round % 3 == 0 {
            trial.add_aged();
        }
        trial.fill(summary);
        if round % 3 == 1 {
            trial.restart(false, |_| {});
        }
        trial.look_up(LOOKUPS, summary);
        trial.settle();
        trial.look_up(LOOKUPS, summary);
        if round % 3 == 2 {
            trial.restart(true, |_| {});
            trial.look_up(EXACT_LOOKUPS, summary);
        }
        trial.empty(round % 2 == 0, summary);
    }
    let status = trial.daemon.terminate();
    assert!(status.success(), "the daemon stopped with {status}");
}

impl<'a> Trial<'a> {
    fn start(binary: &'a Path, seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let daemon = open(binary, dir.path(), false);
        let tenants = TENANTS.iter().map(|tenant| (*tenant, Tenant::default())).collect();
        let trial = Self { binary, dir, daemon, tenants, dice: Dice::new(&[seed]) };
        let mut client = trial.daemon.client();
        for supplier in &SUPPLIERS {
            create(&mut client, supplier);
        }
        trial
    }

    fn restart(&mut self, is_exact: bool, while_stopped: impl FnOnce(&Path)) {
        self.daemon.stop();
        while_stopped(&self.dir.path().join("data"));
        self.daemon = open(self.binary, self.dir.path(), is_exact);
        self.tenants.values_mut().for_each(|tenant| tenant.is_exact = is_exact);
    }

    /// Gives each supplier of each tenant settings of its own.
    fn settle(&mut self) {
        let mut client = self.daemon.client();
        for (name, tenant) in &mut self.tenants {
            tenant.suppliers = [FALSE_POSITIVE, INTERNAL].map(built_in).to_vec();
            for (supplier, refangs) in SUPPLIERS {
                // Few numbers, so that names decide too.
                let confidence = 50 * self.dice.below(3);
                let retention = RETENTIONS[self.dice.index(RETENTIONS.len())];
                let is_enabled = if supplier == "Off" { self.dice.chance(20) } else { self.dice.chance(95) };
                let status = if is_enabled { "enabled" } else { "disabled" };
                let path = format!("/api/1.3/{name}/suppliers/{supplier}");
                let body = json!([{"confidence": confidence, "retention": retention, "status": status}]);
                asking::must(&mut client, "PUT", &path, &body);
                tenant.suppliers.push(Supplier {
                    name: supplier,
                    confidence,
                    retention,
                    is_enabled,
                    refangs,
                });
            }
        }
    }

    fn add_aged(&mut self) {
        let mut values = Vec::new();
        for _ in 0..AGED {
            let tenant = TENANTS[self.dice.index(TENANTS.len())];
            let known = self.tenants.get_mut(tenant).unwrap();
            let supplier = known.suppliers[self.dice.index(known.suppliers.len())].name;
            let age = AGES[self.dice.index(AGES.len())];
            let text = draw::value(&mut self.dice);
            if known.put_aged(supplier, &text, age) {
                values.push(Aged { tenant, supplier, text, age });
            }
        }
        self.restart(false, |data_dir| aged::add(data_dir, &values));
    }

    /// Adds, removes and adds again.
    fn fill(&mut self, summary: &mut OracleSummary) {
        for method in ["PUT", "DELETE", "PUT"] {
            for tenant in TENANTS {
                for number in 0..self.tenants[tenant].suppliers.len() {
                    self.change(method, tenant, number, summary);
                }
            }
        }
    }

    fn change(&mut self, method: &str, tenant: &'static str, number: usize, summary: &mut OracleSummary) {
        let known = self.tenants.get_mut(tenant).unwrap();
        let Supplier { name, refangs, .. } = known.suppliers[number];
        let is_put = method == "PUT";
        let count = if name == FALSE_POSITIVE { self.dice.index(ELEMENTS.1) } else { ELEMENTS.0 };
        let texts = known.texts(name);
        let (mut elements, mut expected) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let text = if !is_put && !texts.is_empty() && self.dice.chance(20) {
                texts[self.dice.index(texts.len())].clone()
            } else if refangs && self.dice.chance(30) {
                draw::defanged_value(&mut self.dice)
            } else {
                draw::value(&mut self.dice)
            };
            let has_context = is_put && name != FALSE_POSITIVE && self.dice.chance(30);
            let context = has_context.then(|| json!({"n": self.dice.below(9), "by": name}));
            expected.push(if is_put {
                known.put(name, &text, context.clone())
            } else {
                known.delete(name, &text)
            });
            elements.push(Element { text, context });
        }
        let path = format!("/api/1.3/{tenant}/suppliers/{name}/indicators");
        asking::change(&mut self.daemon.client(), method, &path, &elements, &expected, summary);
    }

    /// Looks so many objects up, or a few more.
    fn look_up(&mut self, lookups: u64, summary: &mut OracleSummary) {
        let mut client = self.daemon.client();
        let end = summary.lookups + lookups;
        for tenant in TENANTS.iter().cycle() {
            let known = &self.tenants[tenant];
            let texts = known.all_texts();
            let count_max = OBJECTS_MAX[self.dice.index(OBJECTS_MAX.len())];
            let count = 1 + self.dice.below(count_max);
            let mut objects = Vec::new();
            for _ in 0..count.min(end - summary.lookups) {
                let is_relative = !texts.is_empty() && self.dice.chance(60);
                objects.push(if is_relative {
                    let stored = &texts[self.dice.index(texts.len())];
                    draw::relative_of(&mut self.dice, stored)
                } else {
                    draw::value(&mut self.dice)
                });
            }
            asking::look_up(&mut client, tenant, known, &objects, summary);
            if end <= summary.lookups {
                break;
            }
        }
    }

    /// Removes all values, one way or the other; none is found after that.
    fn empty(&mut self, removes_suppliers: bool, summary: &mut OracleSummary) {
        let mut client = self.daemon.client();
        let mut texts = Vec::new();
        for tenant in TENANTS {
            let known = self.tenants.get_mut(tenant).unwrap();
            texts.push(known.all_texts());
            for Supplier { name, .. } in known.suppliers.clone() {
                if removes_suppliers && SUPPLIERS.iter().any(|(supplier, _)| *supplier == name) {
                    continue;
                }
                let held = known.texts(name);
                let elements: Vec<_> = held.into_iter().map(|text| Element { text, context: None }).collect();
                let path = format!("/api/1.3/{tenant}/suppliers/{name}/indicators");
                let expected = vec![Ok(()); elements.len()];
                asking::change(&mut client, "DELETE", &path, &elements, &expected, summary);
            }
            known.clear();
        }
        if removes_suppliers {
            for supplier in &SUPPLIERS {
                let path = format!("/api/1.3/suppliers/{}", supplier.0);
                asking::must(&mut client, "DELETE", &path, &Json::Null);
                create(&mut client, supplier);
            }
        }
        for (tenant, texts) in TENANTS.iter().zip(&texts) {
            asking::look_up(&mut client, tenant, &self.tenants[tenant], texts, summary);
        }
    }
}

fn built_in(name: &'static str) -> Supplier {
    Supplier { name, confidence: 100, retention: RETENTION_MAX, is_enabled: true, refangs: false }
}

fn open(binary: &Path, dir: &Path, is_exact: bool) -> Daemon {
    let tenants =
        format!("[{}]", TENANTS[1..].iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(","));
    let match_scope = if is_exact { "exact" } else { "levels" };
    let settings = [("SLUICE_TENANTS", tenants.as_str()), ("SLUICE_MATCH_SCOPE", match_scope)];
    let mut daemon = Daemon::start_with(binary, dir, &settings);
    daemon.wait_until_ready();
    daemon
}

fn create(client: &mut Client, (name, refangs): &(&str, bool)) {
    let body = json!([{"name": name, "confidence": 50, "retention": RETENTION_MAX, "refang": refangs}]);
    asking::must(client, "POST", "/api/1.3/suppliers", &body);
}
