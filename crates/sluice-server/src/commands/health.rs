//! The command `health`: whether the daemon of this machine is ready. For containers, in which there is nothing else to ask
//! with.
//!
//! In: the configuration of the daemon. Out: a line if `/readyz` is answered with 200 where the daemon listens, otherwise an
//! error. The certificate is not verified: it names other addresses than loopback, and nothing secret is sent. Where the
//! configuration says nothing of TLS, the unit may have handed over a certificate, so TLS is tried second.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::{Client, StatusCode, redirect::Policy};
use sluice_server::config::Config;

use crate::hints;

/// Longest time for the answer; a container runtime waits for longer.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// Carries out the command.
///
/// # Errors
///
/// When there is no answer, or another one.
pub(super) fn run(config: &Config) -> anyhow::Result<String> {
    // Without it, the HTTP client has no TLS. Only the first call in a process counts.
    drop(rustls::crypto::ring::default_provider().install_default());
    let address = hints::from_here(config.listen);
    let mut url = format!("{}/readyz", hints::urls(config, &[address]));
    let mut answer = ask(&url);
    if answer.is_err() && config.tls.is_off() {
        let secure_url = format!("https://{address}/readyz");
        if let Ok(status) = ask(&secure_url) {
            (url, answer) = (secure_url, Ok(status));
        }
    }
    let status = answer.with_context(|| format!("{url} does not answer"))?;
    ensure!(status == StatusCode::OK, "not ready: {url} is answered with {}", status.as_u16());
    Ok(format!("ready: {url} is answered with 200"))
}

fn ask(url: &str) -> anyhow::Result<StatusCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .tls_danger_accept_invalid_certs(true)
        .timeout(ANSWER_WAIT)
        .build()?;
    let answer = runtime.block_on(async { client.get(url).send().await })?;
    Ok(answer.status())
}
