//! The configuration as typed: every key, its bounds and its default.
//!
//! In: TOML. Out: values that keep their own rule; a value that breaks it is refused where it stands, so that the
//! message has its line. How values go together is the parent's question. `deploy/sluiced.toml` shows the same
//! keys and defaults, and a test compares the two.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer, de};
use sluice_model::{TenantName, limits, matching::MatchScope};

use super::LogFormat;

/// All keys; an absent one leaves the layer below in force.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawConfig {
    /// Address to listen on.
    pub listen: Option<SocketAddr>,
    /// Directory of everything that is kept.
    pub data_dir: Option<PathBuf>,
    /// First start only: file with the administrator's password.
    #[serde(deserialize_with = "path_or_empty")]
    pub admin_password_file: Option<PathBuf>,
    #[serde(deserialize_with = "tenants")]
    pub(crate) tenants: Option<Vec<TenantName>>,
    pub(crate) match_scope: Option<RawScope>,
    pub(crate) disk_reserve_bytes: Option<u64>,
    pub(crate) allow_plain_http: Option<bool>,
    pub(crate) tls: RawTls,
    pub(crate) http: RawHttp,
    pub(crate) ingest: RawIngest,
    pub(crate) log: RawLog,
}

#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawTls {
    #[serde(deserialize_with = "path_or_empty")]
    certificate: Option<PathBuf>,
    #[serde(deserialize_with = "path_or_empty")]
    key: Option<PathBuf>,
    self_signed: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawHttp {
    workers: Option<Bounded<1, 64>>,
    connections_per_worker_max: Option<Bounded<1, 100_000>>,
    head_timeout_seconds: Option<Bounded<1, 60>>,
    keep_alive_seconds: Option<Bounded<1, 3_600>>,
    body_stall_seconds: Option<Bounded<1, 600>>,
    body_bytes_per_second_min: Option<Bounded<0, 1_000_000_000>>,
    body_deadline_seconds: Option<Bounded<1, 86_400>>,
    write_timeout_seconds: Option<Bounded<1, 600>>,
    tls_handshake_timeout_seconds: Option<Bounded<1, 60>>,
    stop_timeout_seconds: Option<Bounded<1, 3_600>>,
}

#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawIngest {
    threads: Option<Bounded<0, 256>>,
    body_bytes_budget: Option<Bounded<{ limits::BODY_BYTES_MAX as u64 }, 1_099_511_627_776>>,
}

#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawLog {
    level: Option<LogLevel>,
    format: Option<LogFormat>,
}

/// An integer from `MIN` to `MAX`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bounded<const MIN: u64, const MAX: u64>(u64);

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Bounded<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = i64::deserialize(from)?;
        match u64::try_from(value) {
            Ok(value) if (MIN..=MAX).contains(&value) => Ok(Self(value)),
            _ => Err(de::Error::custom(format_args!("{value} is not from {MIN} to {MAX}"))),
        }
    }
}

/// How far a looked-up value reaches, as typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RawScope {
    /// All levels of a URL.
    Levels,
    /// The value itself.
    Exact,
}

/// Least severe level that is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogLevel {
    /// Errors.
    Error,
    /// And warnings.
    Warn,
    /// And what happens.
    Info,
    /// And details.
    Debug,
    /// And everything.
    Trace,
}

impl std::fmt::Display for LogLevel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        })
    }
}

fn path_or_empty<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(from)?;
    Ok((!path.as_os_str().is_empty()).then_some(path))
}

fn tenants<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<TenantName>>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    if limits::TENANTS_MAX <= texts.len() {
        return Err(de::Error::custom(format_args!("more than {} tenants", limits::TENANTS_MAX - 1)));
    }
    let names: Result<Vec<TenantName>, _> = texts.iter().map(|text| TenantName::parse(text)).collect();
    names.map(Some).map_err(de::Error::custom)
}

/// All values, defaults filled in.
pub(super) struct Full {
    pub(super) listen: SocketAddr,
    pub(super) data_dir: PathBuf,
    pub(super) admin_password_file: Option<PathBuf>,
    pub(super) tenants: Vec<TenantName>,
    pub(super) match_scope: MatchScope,
    pub(super) disk_reserve_bytes: u64,
    pub(super) allow_plain_http: bool,
    pub(super) tls: FullTls,
    pub(super) http: FullHttp,
    pub(super) ingest: FullIngest,
    pub(super) log: FullLog,
}

pub(super) struct FullTls {
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) self_signed: bool,
}

pub(super) struct FullHttp {
    pub(super) workers: usize,
    pub(super) connections_per_worker_max: usize,
    pub(super) head_timeout: Duration,
    pub(super) keep_alive: Duration,
    pub(super) body_stall: Duration,
    pub(super) body_bytes_per_second_min: u64,
    pub(super) body_deadline: Duration,
    pub(super) write_timeout: Duration,
    pub(super) tls_handshake_timeout: Duration,
    pub(super) stop_timeout: Duration,
}

pub(super) struct FullIngest {
    pub(super) threads: usize,
    pub(super) body_bytes_budget: usize,
}

pub(super) struct FullLog {
    pub(super) level: LogLevel,
    pub(super) format: LogFormat,
}

fn number<const MIN: u64, const MAX: u64>(value: Option<Bounded<MIN, MAX>>, default: u64) -> u64 {
    value.map_or(default, |bounded| bounded.0)
}

fn count<const MIN: u64, const MAX: u64>(value: Option<Bounded<MIN, MAX>>, default: u64) -> usize {
    usize::try_from(number(value, default)).unwrap_or(usize::MAX)
}

fn seconds<const MIN: u64, const MAX: u64>(value: Option<Bounded<MIN, MAX>>, default: u64) -> Duration {
    Duration::from_secs(number(value, default))
}

impl RawConfig {
    /// This layer over another: what is absent here comes from there.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            listen: self.listen.or(below.listen),
            data_dir: self.data_dir.or(below.data_dir),
            admin_password_file: self.admin_password_file.or(below.admin_password_file),
            tenants: self.tenants.or(below.tenants),
            match_scope: self.match_scope.or(below.match_scope),
            disk_reserve_bytes: self.disk_reserve_bytes.or(below.disk_reserve_bytes),
            allow_plain_http: self.allow_plain_http.or(below.allow_plain_http),
            tls: RawTls {
                certificate: self.tls.certificate.or(below.tls.certificate),
                key: self.tls.key.or(below.tls.key),
                self_signed: self.tls.self_signed.or(below.tls.self_signed),
            },
            http: self.http.over(below.http),
            ingest: RawIngest {
                threads: self.ingest.threads.or(below.ingest.threads),
                body_bytes_budget: self.ingest.body_bytes_budget.or(below.ingest.body_bytes_budget),
            },
            log: RawLog {
                level: self.log.level.or(below.log.level),
                format: self.log.format.or(below.log.format),
            },
        }
    }

    /// Tells whether this layer sets a key that can be refused together with others.
    pub(super) fn has(&self, dotted: &str) -> bool {
        match dotted {
            "listen" => self.listen.is_some(),
            "tls.certificate" => self.tls.certificate.is_some(),
            "tls.key" => self.tls.key.is_some(),
            "tls.self_signed" => self.tls.self_signed.is_some(),
            _ => false,
        }
    }

    pub(super) fn with_defaults(self) -> Full {
        Full {
            listen: self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 9440))),
            data_dir: self.data_dir.unwrap_or_else(|| PathBuf::from("data")),
            admin_password_file: self.admin_password_file,
            tenants: self.tenants.unwrap_or_default(),
            match_scope: match self.match_scope.unwrap_or(RawScope::Levels) {
                RawScope::Levels => MatchScope::Levels,
                RawScope::Exact => MatchScope::Exact,
            },
            disk_reserve_bytes: self.disk_reserve_bytes.unwrap_or(1 << 30),
            allow_plain_http: self.allow_plain_http.unwrap_or(false),
            tls: FullTls {
                certificate: self.tls.certificate,
                key: self.tls.key,
                self_signed: self.tls.self_signed.unwrap_or(false),
            },
            http: self.http.with_defaults(),
            ingest: FullIngest {
                threads: count(self.ingest.threads, 0),
                body_bytes_budget: count(self.ingest.body_bytes_budget, limits::BODY_BYTES_BUDGET as u64),
            },
            log: FullLog {
                level: self.log.level.unwrap_or(LogLevel::Info),
                format: self.log.format.unwrap_or(LogFormat::Text),
            },
        }
    }
}

impl RawHttp {
    fn over(self, below: Self) -> Self {
        Self {
            workers: self.workers.or(below.workers),
            connections_per_worker_max: self.connections_per_worker_max.or(below.connections_per_worker_max),
            head_timeout_seconds: self.head_timeout_seconds.or(below.head_timeout_seconds),
            keep_alive_seconds: self.keep_alive_seconds.or(below.keep_alive_seconds),
            body_stall_seconds: self.body_stall_seconds.or(below.body_stall_seconds),
            body_bytes_per_second_min: self.body_bytes_per_second_min.or(below.body_bytes_per_second_min),
            body_deadline_seconds: self.body_deadline_seconds.or(below.body_deadline_seconds),
            write_timeout_seconds: self.write_timeout_seconds.or(below.write_timeout_seconds),
            tls_handshake_timeout_seconds: self
                .tls_handshake_timeout_seconds
                .or(below.tls_handshake_timeout_seconds),
            stop_timeout_seconds: self.stop_timeout_seconds.or(below.stop_timeout_seconds),
        }
    }

    fn with_defaults(self) -> FullHttp {
        FullHttp {
            workers: count(self.workers, 2),
            connections_per_worker_max: count(self.connections_per_worker_max, 10_000),
            head_timeout: seconds(self.head_timeout_seconds, 10),
            keep_alive: seconds(self.keep_alive_seconds, 75),
            body_stall: seconds(self.body_stall_seconds, 10),
            body_bytes_per_second_min: number(self.body_bytes_per_second_min, 65_536),
            body_deadline: seconds(self.body_deadline_seconds, 600),
            write_timeout: seconds(self.write_timeout_seconds, 15),
            tls_handshake_timeout: seconds(self.tls_handshake_timeout_seconds, 5),
            stop_timeout: seconds(self.stop_timeout_seconds, 30),
        }
    }
}

/// The line on which a key such as `tls.key` stands in a file, counted from 1.
pub(super) fn line_of(text: &str, dotted: &str) -> Option<usize> {
    let (table, key) = dotted.split_once('.').unwrap_or(("", dotted));
    let mut current = "";
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[') {
            current = name.split(']').next().unwrap_or_default().trim();
        } else if let Some((left, _)) = line.split_once('=') {
            let left = left.trim();
            if current == table && left == key || current.is_empty() && left == dotted {
                return Some(index + 1);
            }
        }
    }
    None
}
