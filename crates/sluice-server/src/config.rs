//! Configuration: a TOML file, `SLUICE_*` variables and flags to one [`Config`].
//!
//! In: these three layers over the defaults, each overriding the one before. Out: checked values and where each comes
//! from, or a refusal that names the file with line and key, the variable, or the flag. Unknown keys are refused
//! everywhere. A variable is one key: `SLUICE_HTTP__WORKERS=4` is `http.workers = 4`. An empty text counts as an absent
//! key.
//!
//! Settings are checked one by one, for the sake of their messages; then they are laid over one another and read once.
//! Nothing is opened here but the configuration file itself; secrets are paths, never values.

mod credentials;
mod indices;
mod memory;
mod names;
#[cfg(test)]
pub(crate) mod page;
mod rules;
mod settings;
mod show;
mod units;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    ffi::OsString,
    fmt, fs, io,
    mem::discriminant,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize as _;
use toml::{Table, Value, de::DeTable};

pub use self::{
    credentials::Credentials,
    indices::IndexSupplier,
    settings::{
        BatchSettings, Config, ElasticsearchSettings, HttpSettings, IngestSettings, LogFormat, LogSettings,
        SnapshotSettings, TlsSettings, parse_snapshot_url,
    },
    show::show,
    units::Bounded,
};
pub(crate) use self::{rules::is_plain_to_others, show::differences};

#[cfg(test)]
mod tests;

/// The top layer: keys that the command line can set.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// Address to listen on.
    #[arg(long, value_name = "ADDR:PORT", global = true)]
    pub listen: Option<SocketAddr>,
    /// Directory of everything that is kept.
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// First start only: file with the password of the administrator `admin`.
    #[arg(long, value_name = "FILE", global = true)]
    pub admin_password_file: Option<PathBuf>,
    /// How log lines are written.
    #[arg(long, value_name = "FORMAT", value_enum, global = true)]
    pub log_format: Option<LogFormat>,
}

/// Where a value comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// From nowhere: it is the default.
    Default,
    /// From the file, at a line counted from 1.
    File(PathBuf, usize),
    /// From the environment variable of this name.
    Variable(String),
    /// From this flag.
    Flag(&'static str),
    /// From a file that the service manager hands over.
    Credential,
    /// From a file that the shipped unit would hand over.
    UnitFile,
    /// From a limit of the machine, said in words.
    Machine(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File(path, line) => write!(formatter, "{}:{line}", path.display()),
            Self::Variable(name) => write!(formatter, "environment variable {name}"),
            Self::Flag(name) => formatter.write_str(name),
            Self::Credential => formatter.write_str("credential of the unit"),
            Self::UnitFile => formatter.write_str("handed over by the unit"),
            Self::Machine(limit) => formatter.write_str(limit),
        }
    }
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file is no TOML, or a name or value in the environment is no text.
    #[error("{origin}: {detail}")]
    Malformed {
        /// Where.
        origin: Origin,
        /// What is wrong.
        detail: String,
    },
    /// A value breaks a rule, by itself or together with others.
    #[error("{origin}: {key}: {detail}")]
    Refused {
        /// Where it was set.
        origin: Origin,
        /// Its key.
        key: String,
        /// The rule.
        detail: String,
    },
    /// Several things are wrong.
    #[error("{}", .0.iter().flat_map(ConfigError::lines).collect::<Vec<_>>().join("; "))]
    Several(Vec<ConfigError>),
}

impl ConfigError {
    /// Nothing, the only error, or all of them in one.
    ///
    /// # Errors
    ///
    /// When there are errors.
    pub fn of(mut errors: Vec<Self>) -> Result<(), Self> {
        match (errors.pop(), errors.is_empty()) {
            (None, _) => Ok(()),
            (Some(only), true) => Err(only),
            (Some(last), false) => {
                errors.push(last);
                Err(Self::Several(errors))
            }
        }
    }

    /// Each thing that is wrong, as a line.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Several(errors) => errors.iter().flat_map(Self::lines).collect(),
            Self::Unreadable { source, .. } => vec![format!("{self}: {source}")],
            Self::Malformed { .. } | Self::Refused { .. } => vec![self.to_string()],
        }
    }
}

/// What the layers come to, with all that is wrong in them.
#[derive(Debug)]
pub struct Loaded {
    /// The values that are as they should be, and defaults for the others.
    pub config: Config,
    /// Where each value comes from, by the present name of its key; the others are defaults.
    pub origins: BTreeMap<String, Origin>,
    /// Settings that are refused by themselves: of these keys, and of misspelt ones, `config` has a default.
    pub refused: Vec<ConfigError>,
    /// Rules that values break together.
    pub broken: Vec<ConfigError>,
}

impl Loaded {
    /// The values, if each is right by itself: for commands that neither serve nor check. Rules about values together are
    /// about serving, and some hold only as the service manager starts the daemon.
    ///
    /// # Errors
    ///
    /// The settings that are refused.
    pub fn into_values(self) -> Result<Config, ConfigError> {
        ConfigError::of(self.refused)?;
        Ok(self.config)
    }

    /// The configuration, if nothing is wrong with it.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub fn into_config(self) -> Result<Config, ConfigError> {
        ConfigError::of(self.refused.into_iter().chain(self.broken).collect())?;
        Ok(self.config)
    }
}

/// A value that was set for a key by its present name.
struct Setting {
    key: String,
    value: Value,
    origin: Origin,
}

/// What the names of our variables begin with.
const VARIABLE_PREFIX: &str = "SLUICE_";

/// What names of the client's variables begin with, which are none of the daemon's.
const CLIENT_PREFIX: &str = "SLUICE_CLIENT_";

/// Picks our variables out of an environment. Other variables need not be UTF-8.
///
/// # Errors
///
/// [`ConfigError::Malformed`] if one of ours is not UTF-8.
pub fn own_variables(
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, ConfigError> {
    let mut ours = Vec::new();
    for (name, value) in environment {
        let begins_with = |prefix: &str| name.as_encoded_bytes().starts_with(prefix.as_bytes());
        if !begins_with(VARIABLE_PREFIX) || begins_with(CLIENT_PREFIX) {
            continue;
        }
        let (Some(text), Some(value)) = (name.to_str(), value.to_str()) else {
            let origin = Origin::Variable(name.to_string_lossy().into_owned());
            return Err(ConfigError::Malformed { origin, detail: "name or value is not UTF-8".to_owned() });
        };
        ours.push((text.to_owned(), value.to_owned()));
    }
    Ok(ours)
}

/// Where values come from; each overrides those before, and the defaults.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// Where certificate and key are taken from if nothing else says where they are.
    pub credentials: Credentials,
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// Our variables, as [`own_variables`] picks them.
    pub variables: Vec<(String, String)>,
    /// The command line.
    pub flags: Flags,
}

/// Puts a file, variables and flags together.
///
/// # Errors
///
/// By variant of [`ConfigError`]; all that is wrong at once.
pub fn load(
    file: Option<&Path>,
    variables: impl Iterator<Item = (String, String)>,
    flags: Flags,
) -> Result<Config, ConfigError> {
    let (file, variables) = (file.map(Path::to_owned), variables.collect());
    read_layers(Layers { credentials: Credentials::None, file, variables, flags }).into_config()
}

/// Puts the layers together as far as they can be read, and tells all that is wrong with them.
pub fn read_layers(layers: Layers) -> Loaded {
    let Layers { credentials, file, mut variables, flags } = layers;
    let (mut settings, mut refused) = match file.as_deref().map(read_file).transpose() {
        Ok(settings) => (settings.unwrap_or(vec![]), vec![]),
        Err(error) => (vec![], vec![error]),
    };
    variables.sort();
    for (name, value) in variables {
        settings.extend(read_variable(name, &value));
    }
    let (merged, mut origins) = merge(settings, &mut refused);
    // Cannot fail: each setting has been checked.
    let mut config = Config::deserialize(merged).unwrap_or_else(|error| {
        refused.push(ConfigError::Malformed { origin: Origin::Default, detail: error.message().to_owned() });
        Config::default()
    });
    apply_flags(flags, &mut config, &mut origins);
    if refused.is_empty() {
        let origin = match credentials {
            Credentials::BesideFile => Origin::UnitFile,
            Credentials::HandedOver(_) | Credentials::None => Origin::Credential,
        };
        let is_set = |key: &str| origins.contains_key(key);
        for key in credentials::apply(&credentials, file.as_deref(), &mut config.tls, &is_set) {
            origins.insert(key.to_owned(), origin.clone());
        }
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    config.ingest.threads = config.ingest.threads.or(cores as u64);
    if config.memory.get() == 0 {
        let (bytes, source) = memory::available();
        config.memory = config.memory.or(bytes);
        origins.insert("memory".to_owned(), Origin::Machine(source));
    }
    // Where a setting is missing, rules about it say nothing.
    let rules = if refused.is_empty() { rules::check(&config) } else { vec![] };
    let refuse = |(key, detail): (&str, Cow<'static, str>)| {
        let origin = origins.get(key).cloned().unwrap_or(Origin::Default);
        ConfigError::Refused { origin, key: key.to_owned(), detail: detail.into_owned() }
    };
    let broken = rules.into_iter().map(refuse).collect();
    Loaded { config, origins, refused, broken }
}

/// Lays settings over one another and tells where each comes from; those that are refused are left out.
fn merge(settings: Vec<Setting>, refused: &mut Vec<ConfigError>) -> (Table, BTreeMap<String, Origin>) {
    let names = names::all();
    let (mut merged, mut origins) = (Table::new(), BTreeMap::<String, Origin>::new());
    for mut setting in settings {
        let checked = check_setting(&mut setting, &names);
        let Setting { key, value, origin } = setting;
        if let Err(error) = checked {
            // The layer below was not meant.
            origins.remove(&key);
            refused.push(error);
            continue;
        }
        if value.as_str() == Some("") {
            continue;
        }
        lay(&mut merged, &key, value);
        let before = origins.insert(key.clone(), origin.clone());
        if let Some(before) = before.filter(|before| discriminant(before) == discriminant(&origin)) {
            let detail = format!("it has been set under another name already, at {before}");
            refused.push(ConfigError::Refused { origin, key, detail });
        }
    }
    (merged, origins)
}

/// The settings of a file, in the order of their names.
fn read_file(path: &Path) -> Result<Vec<Setting>, ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let malformed = |error: toml::de::Error| {
        let line = line_at(&text, error.span().map_or(0, |span| span.start));
        let detail = error.message().to_owned();
        ConfigError::Malformed { origin: Origin::File(path.to_owned(), line), detail }
    };
    let places = DeTable::parse(&text).map_err(malformed)?;
    let values: Table = toml::from_str(&text).map_err(malformed)?;
    let mut settings = Vec::new();
    let mut add = |key: String, value: &Value, start: usize| {
        let origin = Origin::File(path.to_owned(), line_at(&text, start));
        settings.push(Setting { key, value: value.clone(), origin });
    };
    for (name, place) in places.get_ref() {
        match (values.get(name.get_ref().as_ref()), place.get_ref().as_table()) {
            (Some(Value::Table(table)), Some(places)) if !table.is_empty() => {
                for (below, value) in table {
                    let place = places.keys().find(|place| place.get_ref().as_ref() == below);
                    let start = place.unwrap_or(name).span().start;
                    add(format!("{}.{below}", name.get_ref()), value, start);
                }
            }
            (Some(value), _) => add(name.get_ref().to_string(), value, name.span().start),
            (None, _) => {}
        }
    }
    Ok(settings)
}

/// The line, counted from 1, of a byte of a text.
fn line_at(text: &str, byte: usize) -> usize {
    text.get(..byte).unwrap_or(text).matches('\n').count() + 1
}

/// The setting that a variable is, if it is one of ours.
///
/// A number, list or truth value is what reads as one; all else is a text. A text may look like a number: what is
/// refused as a number is then taken as a text, for example a directory `1234`.
fn read_variable(name: String, text: &str) -> Option<Setting> {
    let key = name.strip_prefix(VARIABLE_PREFIX)?.to_ascii_lowercase().replacen("__", ".", 1);
    let as_text = Value::String(text.to_owned());
    let as_typed: Value = text.parse().unwrap_or_else(|_untyped| as_text.clone());
    let is_typed = Config::deserialize(one_key(names::present(&key), as_typed.clone())).is_ok();
    let is_text = Config::deserialize(one_key(names::present(&key), as_text.clone())).is_ok();
    let value = if is_text && !is_typed { as_text } else { as_typed };
    Some(Setting { key, value, origin: Origin::Variable(name) })
}

/// Checks a setting by itself, and gives its key the present name.
fn check_setting(setting: &mut Setting, names: &[String]) -> Result<(), ConfigError> {
    let Setting { key, value, origin } = setting;
    names::present(key).to_owned().clone_into(key);
    let detail = if names.contains(key) {
        match Config::deserialize(one_key(key, value.clone())) {
            Ok(_checked) => return Ok(()),
            Err(error) => error.message().to_owned(),
        }
    } else {
        names::unknown(key, names)
    };
    Err(ConfigError::Refused { origin: origin.clone(), key: key.clone(), detail })
}

/// A configuration of one key.
fn one_key(dotted: &str, value: Value) -> Table {
    let mut table = Table::new();
    lay(&mut table, dotted, value);
    table
}

/// Sets a key such as `tls.key`.
fn lay(merged: &mut Table, dotted: &str, value: Value) {
    let Some((table, key)) = dotted.split_once('.') else {
        merged.insert(dotted.to_owned(), value);
        return;
    };
    if let Value::Table(below) = merged.entry(table).or_insert_with(|| Value::Table(Table::new())) {
        below.insert(key.to_owned(), value);
    }
}

/// Flags are above all else. Paths in them need not be UTF-8.
fn apply_flags(flags: Flags, config: &mut Config, origins: &mut BTreeMap<String, Origin>) {
    if let Some(listen) = flags.listen {
        config.listen = listen;
        origins.insert("listen".to_owned(), Origin::Flag("--listen"));
    }
    if let Some(data_dir) = flags.data_dir {
        config.data_dir = data_dir;
        origins.insert("data_dir".to_owned(), Origin::Flag("--data-dir"));
    }
    if let Some(path) = flags.admin_password_file {
        config.admin_password_file = Some(path);
        origins.insert("admin_password_file".to_owned(), Origin::Flag("--admin-password-file"));
    }
    if let Some(format) = flags.log_format {
        config.log.format = format;
        origins.insert("log.format".to_owned(), Origin::Flag("--log-format"));
    }
}
