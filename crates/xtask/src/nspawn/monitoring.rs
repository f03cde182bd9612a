//! A Prometheus that scrapes the service while it is fed and restarted.

use std::fs;

use anyhow::Result;
use serde_json::Value;
use test_support::client::Client;

use super::trial::{CONFIG, Trial};
use crate::{
    prometheus::{
        promtool, scrape,
        server::{Prometheus, job},
    },
    workspace::root,
};

/// Where the metrics are.
const METRICS_ADDRESS: &str = "127.0.0.1:9441";
/// Scrapes that there must be on either side of a restart.
const SCRAPES: u32 = 4;
/// How many of the last scrapes have worked.
const UP: &str = "sum_over_time(up[5m])";
/// What was accepted.
const ACCEPTED: &str = "sum(increase(sluice_indicators_accepted_total[5m]))";

/// Scrapes under load, over a restart.
pub(super) fn prometheus(trial: &Trial) -> Result<String> {
    let shipped = fs::read_to_string(trial.machine.path(CONFIG))?;
    trial.configure(&format!("metrics_listen = \"{METRICS_ADDRESS}\"\n"))?;
    trial.restart()?;
    let outcome = watch(trial);
    trial.configure(&shipped)?;
    trial.restart()?;
    outcome
}

fn watch(trial: &Trial) -> Result<String> {
    let deploy = root()?.join("deploy");
    let dir = trial.scratch.join("prometheus-data");
    fs::create_dir(&dir)?;
    let prometheus =
        Prometheus::start(&dir, &deploy.join("alerts.yml"), &job(&[METRICS_ADDRESS.to_owned()]))?;
    let ((), seen) = trial.under_load(|| {
        wait_for(trial, &prometheus, UP, f64::from(SCRAPES))?;
        trial.restart()?;
        wait_for(trial, &prometheus, UP, f64::from(3 * SCRAPES))?;
        wait_for(trial, &prometheus, ACCEPTED, 1_000.0)
    })?;
    seen.is_without_a_gap()?;
    let scraped = scrape(&mut Client::new(METRICS_ADDRESS.parse()?, "", ""))?;
    promtool(&deploy, &["check", "metrics"], &scraped)?;
    let (rules, accepted) = (prometheus.rules()?.len(), value(&prometheus.query(ACCEPTED)?));
    Ok(format!(
        "{rules} alerts evaluated, {:.0} indicators accepted by the metrics; {}",
        accepted.unwrap_or(0.0),
        seen.text()
    ))
}

/// Waits until a query comes to at least so much.
fn wait_for(trial: &Trial, prometheus: &Prometheus, query: &str, least: f64) -> Result<()> {
    trial.wait_until(query, || Ok(value(&prometheus.query(query)?).is_some_and(|value| least <= value)))
}

/// The number of the only series.
fn value(series: &[Value]) -> Option<f64> {
    series.first()?.pointer("/value/1")?.as_str()?.parse().ok()
}
