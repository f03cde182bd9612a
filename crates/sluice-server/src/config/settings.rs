//! Every key of the configuration, with its bounds and its default.
//!
//! In: TOML. Out: a [`Config`] in which an absent key has its default. A value out of its bounds is refused where it
//! stands, so that the message has its line. How values go together is the question of `load`.
//!
//! A key stands here and, commented out, in `deploy/sluiced.toml`; a test compares the two.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use ipnet::{IpNet, Ipv4Net};
use rustls::pki_types::DnsName;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sluice_model::{TenantName, limits, matching::MatchScope, memory_plan::MemoryPlan};
use sluice_store::{HISTORY_BYTES_MAX, LOG_BYTES_MAX};
use tracing_subscriber::filter::Targets;
use url::Url;

use super::{
    indices::IndexSupplier,
    units::{BYTES, Bounded, MILLISECONDS, SECONDS},
};

/// Networks of trusted proxies; each request is held against all of them.
const PROXIES_MAX: usize = 64;

/// Bits before an IPv4 address that is written as one of IPv6.
const IPV4_MAPPED_LENGTH: u8 = 96;

/// Names for a self-signed certificate.
const TLS_NAMES_MAX: usize = 64;

/// Schemes of places for snapshots.
const SNAPSHOT_SCHEMES: [&str; 4] = ["file", "s3", "gs", "az"];

/// What is in force. Fields have the names and the order of the keys.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Address that serves metrics, and nothing else, without credentials and over plain HTTP.
    #[serde(deserialize_with = "address_or_empty", serialize_with = "shown_address_or_empty")]
    pub metrics_listen: Option<SocketAddr>,
    /// Directory of everything that is kept.
    #[serde(deserialize_with = "path", serialize_with = "shown_path")]
    pub data_dir: PathBuf,
    /// First start only: file with the password of the first administrator.
    #[serde(deserialize_with = "path_or_empty", serialize_with = "shown_path_or_empty")]
    pub admin_password_file: Option<PathBuf>,
    /// Tenants beside General.
    #[serde(deserialize_with = "tenants", serialize_with = "shown_tenants")]
    pub tenants: Vec<TenantName>,
    /// How far a looked-up value reaches.
    #[serde(deserialize_with = "match_scope", serialize_with = "shown_match_scope")]
    pub match_scope: MatchScope,
    /// Free bytes on the disk below which writes are refused.
    pub disk_reserve: Bounded<0, { i64::MAX.cast_unsigned() }, { 1 << 30 }, BYTES>,
    /// Bytes of the log on the disk at which bodies are refused; the bodies held at once must fit in.
    pub log_size_max: Bounded<{ 16 << 20 }, { 1 << 40 }, LOG_BYTES_MAX, BYTES>,
    /// How long it is told what has changed, in seconds that the daemon was running.
    pub history: Bounded<60, 31_557_600, { 7 * 86_400 }, SECONDS>,
    /// Bytes on the disk of what is kept for that.
    pub history_size_max: Bounded<{ 16 << 20 }, { 1 << 40 }, HISTORY_BYTES_MAX, BYTES>,
    /// Memory to make do with; 0 in a file is what the machine or the service manager allows, and has been resolved by
    /// `load`.
    pub memory: Bounded<0, { 1 << 50 }, 0, BYTES>,
    /// Serve plain HTTP on an address that other machines can reach.
    pub allow_plain_http: bool,
    /// Proxies whose `X-Forwarded-For` is believed.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Where the certificate comes from.
    pub tls: TlsSettings,
    /// Connections and bodies.
    pub http: HttpSettings,
    /// The pools that read bodies.
    pub ingest: IngestSettings,
    /// The lines that are logged.
    pub log: LogSettings,
    /// Snapshots by the clock.
    pub snapshot: SnapshotSettings,
    /// What is kept of imports.
    pub batches: BatchSettings,
    /// Clients of Elasticsearch.
    pub elasticsearch: ElasticsearchSettings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9440)),
            metrics_listen: None,
            data_dir: PathBuf::from("data"),
            admin_password_file: None,
            tenants: vec![],
            match_scope: MatchScope::Levels,
            disk_reserve: Bounded::default(),
            log_size_max: Bounded::default(),
            history: Bounded::default(),
            history_size_max: Bounded::default(),
            memory: Bounded::default(),
            allow_plain_http: false,
            trusted_proxies: vec![],
            tls: TlsSettings::default(),
            http: HttpSettings::default(),
            ingest: IngestSettings::default(),
            log: LogSettings::default(),
            snapshot: SnapshotSettings::default(),
            batches: BatchSettings::default(),
            elasticsearch: ElasticsearchSettings::default(),
        }
    }
}

impl Config {
    /// How the memory is shared out.
    pub fn memory_plan(&self) -> MemoryPlan {
        let bytes = self.memory.count();
        match self.ingest.body_budget.count() {
            0 => MemoryPlan::of(bytes),
            body_bytes => MemoryPlan::with_body_bytes(bytes, body_bytes),
        }
    }
}

/// Where the certificate comes from: from two files, or made by the daemon, or there is none and HTTP is plain.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSettings {
    /// PEM file with the certificate chain; needs `key`.
    #[serde(deserialize_with = "path_or_empty", serialize_with = "shown_path_or_empty")]
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key; needs `certificate`.
    #[serde(deserialize_with = "path_or_empty", serialize_with = "shown_path_or_empty")]
    pub key: Option<PathBuf>,
    /// Made once and kept in the data directory; excludes the two files.
    pub self_signed: bool,
    /// Names and addresses in it, beside those that the host is known to have.
    #[serde(deserialize_with = "host_names")]
    pub names: Vec<String>,
    /// PEM file with the authorities that vouch for client certificates; none are asked for without it.
    #[serde(deserialize_with = "path_or_empty", serialize_with = "shown_path_or_empty")]
    pub client_ca: Option<PathBuf>,
}

impl TlsSettings {
    /// Returns true if HTTP is plain.
    pub fn is_off(&self) -> bool {
        self.certificate.is_none() && self.key.is_none() && !self.self_signed
    }
}

/// Connections and bodies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSettings {
    /// Threads that serve connections.
    pub workers: Bounded<1, 64, 2>,
    /// Connections of one such thread.
    pub connections_per_worker_max: Bounded<1, 100_000, 10_000>,
    /// Time for the head of a request to arrive.
    pub head_timeout: Bounded<1, 60, 10, SECONDS>,
    /// Time between two requests of a connection.
    pub keep_alive: Bounded<1, 3_600, 75, SECONDS>,
    /// Longest time without a byte of a body; also how long a body may be slower than the least rate.
    pub body_stall: Bounded<1, 600, 10, SECONDS>,
    /// Least bytes of a body in a second.
    pub body_rate_min: Bounded<0, 1_000_000_000, 65_536, BYTES>,
    /// Longest time for a whole body.
    pub body_deadline: Bounded<1, 86_400, 600, SECONDS>,
    /// Longest time without a byte of an import.
    pub import_stall: Bounded<1, 86_400, 60, SECONDS>,
    /// Time for the client to acknowledge what was sent, at the level of TCP.
    pub write_timeout: Bounded<1, 600, 15, SECONDS>,
    /// Time for the TLS handshake.
    pub tls_handshake_timeout: Bounded<1, 60, 5, SECONDS>,
    /// Time for requests in flight when the daemon stops.
    pub stop_timeout: Bounded<1, 3_600, 30, SECONDS>,
}

/// The pools that read bodies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct IngestSettings {
    /// Threads; 0 in a file is one for each core, and has been resolved by `load`.
    pub threads: Bounded<0, 256, 0>,
    /// Bytes of bodies held at once: one body of the largest size, at least; 0 is what the memory allows.
    pub body_budget: Bounded<0, { 1 << 40 }, 0, BYTES>,
}

/// The lines that are logged.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// Least severe level.
    #[serde(deserialize_with = "log_level")]
    pub level: String,
    /// How a line is written.
    pub format: LogFormat,
    /// Other levels for parts of the daemon: `sluice_store=debug,sluice_ingest=trace`.
    #[serde(deserialize_with = "log_filter")]
    pub filter: String,
    /// Whether each request has a line.
    pub access: bool,
    /// Time, without that in which the client was waited for, from which a request counts as slow; 0 if none does.
    pub slow_request: Bounded<0, 86_400_000, 10_000, MILLISECONDS>,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: LogFormat::Text,
            filter: String::new(),
            access: false,
            slow_request: Bounded::default(),
        }
    }
}

/// Snapshots by the clock.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnapshotSettings {
    /// Where they are kept; none are taken while it is empty.
    #[serde(deserialize_with = "snapshot_url")]
    pub url: String,
    /// Time from one to the next.
    pub interval: Bounded<1, { 366 * 86_400 }, 86_400, SECONDS>,
    /// How many of the newest are kept.
    pub keep: Bounded<1, 100_000, 7>,
}

/// What is kept of imports.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchSettings {
    /// How long after its end a batch is kept.
    pub keep: Bounded<1, { 366 * 86_400 }, { 7 * 86_400 }, SECONDS>,
    /// Bytes on the disk of all batches together.
    pub size_max: Bounded<{ 64 << 10 }, { 1 << 40 }, { 512 << 20 }, BYTES>,
}

/// Clients of Elasticsearch.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ElasticsearchSettings {
    /// Address that serves `/es` at its root, and nothing else.
    #[serde(deserialize_with = "address_or_empty", serialize_with = "shown_address_or_empty")]
    pub listen: Option<SocketAddr>,
    /// Which suppliers indices are that are not suppliers by their names.
    pub indices: BTreeMap<String, IndexSupplier>,
}

/// How log lines are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

fn path<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    path_or_empty(from)?.ok_or_else(|| de::Error::custom("an empty path"))
}

fn path_or_empty<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(from)?;
    Ok(if path.as_os_str().is_empty() { None } else { Some(path) })
}

fn address_or_empty<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    match String::deserialize(from)?.as_str() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(de::Error::custom),
    }
}

fn tenants<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<TenantName>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    if limits::TENANTS_MAX <= texts.len() {
        return Err(de::Error::custom(format_args!("more than {} tenants", limits::TENANTS_MAX - 1)));
    }
    let names: Result<Vec<TenantName>, _> = texts.iter().map(|text| TenantName::parse(text)).collect();
    names.map_err(de::Error::custom)
}

/// Networks and single addresses.
fn networks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<IpNet>, D::Error> {
    let mut networks = Vec::new();
    for text in Vec::<String>::deserialize(from)? {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        let Ok(network) = text.parse().or(address) else {
            let detail = format_args!("{text:?} is neither a network (\"192.0.2.0/24\") nor an address");
            return Err(de::Error::custom(detail));
        };
        networks.push(canonical(network));
    }
    if PROXIES_MAX < networks.len() {
        return Err(de::Error::custom(format_args!("more than {PROXIES_MAX} networks")));
    }
    Ok(networks)
}

/// An IPv4 network that is written as one of IPv6, `::ffff:192.0.2.0/120`, as itself: so are addresses compared with it.
fn canonical(network: IpNet) -> IpNet {
    if let IpNet::V6(mapped) = network
        && let Some(length) = mapped.prefix_len().checked_sub(IPV4_MAPPED_LENGTH)
        && let Some(address) = mapped.addr().to_ipv4_mapped()
        && let Ok(network) = Ipv4Net::new(address, length)
    {
        return network.into();
    }
    network
}

/// Names and addresses of a host as they stand in certificates, in one spelling.
fn host_names<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let mut names = Vec::new();
    for text in Vec::<String>::deserialize(from)? {
        let text = text.to_ascii_lowercase();
        let address = text.parse::<IpAddr>().map(|address| address.to_string());
        let is_name = DnsName::try_from(text.strip_prefix("*.").unwrap_or(&text)).is_ok();
        match address {
            Ok(address) => names.push(address),
            Err(_) if is_name => names.push(text),
            Err(_) => {
                let detail =
                    format_args!("{text:?} is neither a name (\"sluice.example.com\") nor an address");
                return Err(de::Error::custom(detail));
            }
        }
    }
    if TLS_NAMES_MAX < names.len() {
        return Err(de::Error::custom(format_args!("more than {TLS_NAMES_MAX} names")));
    }
    Ok(names)
}

fn match_scope<'de, D: Deserializer<'de>>(from: D) -> Result<MatchScope, D::Error> {
    match String::deserialize(from)?.as_str() {
        "levels" => Ok(MatchScope::Levels),
        "exact" => Ok(MatchScope::Exact),
        other => Err(de::Error::unknown_variant(other, &["levels", "exact"])),
    }
}

fn log_level<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];
    let level = String::deserialize(from)?;
    if LEVELS.contains(&level.as_str()) { Ok(level) } else { Err(de::Error::unknown_variant(&level, LEVELS)) }
}

fn log_filter<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let filter = String::deserialize(from)?;
    if filter.is_empty() {
        return Ok(filter);
    }
    let targets: Targets = filter.parse().map_err(de::Error::custom)?;
    // What libraries say at lower levels can hold credentials.
    let is_own =
        targets.default_level().is_none() && targets.iter().all(|(target, _)| target.starts_with("sluice"));
    if is_own {
        Ok(filter)
    } else {
        Err(de::Error::custom("write PART=LEVEL, where PART begins with sluice"))
    }
}

fn snapshot_url<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let url = String::deserialize(from)?;
    if !url.is_empty() {
        parse_snapshot_url(&url).map_err(de::Error::custom)?;
    }
    Ok(url)
}

/// Reads the URL of a place for snapshots. No refusal repeats it: it may hold a secret, and is told in the log.
///
/// # Errors
///
/// What is wrong with it, in a sentence.
pub fn parse_snapshot_url(text: &str) -> Result<Url, String> {
    let wanted = || "this is no URL; a directory is file:///path/of/the/directory".to_owned();
    // `file:a` would be `/a`.
    if !text.contains("://") {
        return Err(wanted());
    }
    let url = Url::parse(text).map_err(|_no_url| wanted())?;
    if !SNAPSHOT_SCHEMES.contains(&url.scheme()) {
        return Err(format!("this scheme cannot be used; schemes are {}", SNAPSHOT_SCHEMES.join(", ")));
    }
    // What libraries leave out silently would lead to another place.
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL of snapshots names no user; credentials come from variables".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(
            "a URL of snapshots has no `?` or `#`; in a path, they are written %3F and %23".to_owned()
        );
    }
    Ok(url)
}

/// Paths need not be UTF-8, what is shown must be.
fn shown_path<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    path.to_string_lossy().serialize(to)
}

#[expect(clippy::ref_option, reason = "serde hands the field over like this")]
fn shown_path_or_empty<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    shown_path(path.as_deref().unwrap_or(Path::new("")), to)
}

#[expect(clippy::ref_option, reason = "serde hands the field over like this")]
fn shown_address_or_empty<S: Serializer>(address: &Option<SocketAddr>, to: S) -> Result<S::Ok, S::Error> {
    address.map_or_else(String::new, |address| address.to_string()).serialize(to)
}

fn shown_tenants<S: Serializer>(tenants: &[TenantName], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(tenants.iter().map(TenantName::as_str))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field over like this")]
fn shown_match_scope<S: Serializer>(scope: &MatchScope, to: S) -> Result<S::Ok, S::Error> {
    match scope {
        MatchScope::Levels => "levels",
        MatchScope::Exact => "exact",
    }
    .serialize(to)
}
