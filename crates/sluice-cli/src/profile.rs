//! Profiles: where a daemon is and who asks, under a name.
//!
//! In: what the command line and the variables say, and the file of profiles. Out: a [`Profile`] with all of it: the command line
//! comes first, then the variables, then the profile.
//!
//! ```toml
//! default = "production"
//!
//! [profiles.production]
//! url = "https://sluice.example.com:9440"
//! user = "feeder"
//! password_file = "/etc/sluice/feeder-password"
//! ```

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{arguments::ConnectionArguments, failure::Failure};

/// The variable with a token.
pub(crate) const TOKEN_VARIABLE: &str = "SLUICE_CLIENT_TOKEN";

/// Where a daemon listens that was started with no configuration.
const DEFAULT_URL: &str = "http://127.0.0.1:9440";

/// The file.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
struct ProfilesFile {
    /// Name of the profile that is taken when none is named.
    default: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

/// Where a daemon is, and who asks.
#[derive(Deserialize, Clone, PartialEq, Eq, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// Where it listens.
    #[serde(default)]
    pub(crate) url: String,
    /// Name of the user.
    pub(crate) user: Option<String>,
    /// File with the user's password.
    pub(crate) password_file: Option<PathBuf>,
    /// File with a token.
    pub(crate) token_file: Option<PathBuf>,
    /// PEM file with the certificates to trust in place of the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// PEM file with a client certificate and its key.
    pub(crate) client_certificate: Option<PathBuf>,
    /// Whether any certificate of the daemon will do.
    #[serde(default)]
    pub(crate) insecure: bool,
    /// The tenant.
    pub(crate) tenant: Option<String>,
}

/// Puts arguments and profile together.
///
/// # Errors
///
/// [`Failure::Usage`] when the file is malformed, or has not the profile that is named.
pub(crate) fn read(arguments: &ConnectionArguments) -> Result<Profile, Failure> {
    let path = arguments.profiles_file.clone().or_else(default_path);
    let file = match &path {
        Some(path) => read_file(path, arguments.profiles_file.is_some())?,
        None => ProfilesFile::default(),
    };
    // Whoever names another daemon does not send it the password of the usual one.
    let usual = file.default.as_ref().filter(|_| arguments.url.is_none());
    let mut profile = match arguments.profile.as_ref().or(usual) {
        Some(name) => file.profiles.get(name).cloned().ok_or_else(|| {
            let path = path.map_or_else(|| "no file".to_owned(), |path| path.display().to_string());
            Failure::Usage(format!("there is no profile {name:?} in {path}"))
        })?,
        None => Profile::default(),
    };
    // Who logs in another way does not do so in the profile's way besides.
    if env::var_os(TOKEN_VARIABLE).is_some()
        || arguments.user.is_some()
        || arguments.token_file.is_some()
        || arguments.client_certificate.is_some()
    {
        (profile.user, profile.password_file) = (None, None);
        (profile.token_file, profile.client_certificate) = (None, None);
    }
    let ConnectionArguments { url, user, password_file, token_file, ca_file, client_certificate, .. } =
        arguments.clone();
    if let Some(url) = url {
        profile.url = url;
    } else if profile.url.is_empty() {
        DEFAULT_URL.clone_into(&mut profile.url);
    }
    profile.user = user.or(profile.user);
    profile.password_file = password_file.or(profile.password_file);
    profile.token_file = token_file.or(profile.token_file);
    profile.ca_file = ca_file.or(profile.ca_file);
    profile.client_certificate = client_certificate.or(profile.client_certificate);
    profile.insecure |= arguments.insecure;
    profile.tenant = arguments.tenant.clone().or(profile.tenant);
    Ok(profile)
}

fn read_file(path: &Path, is_named: bool) -> Result<ProfilesFile, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let refused = |error| Failure::Usage(format!("{}: {error}", path.display()));
            toml::from_str(&text).map_err(refused)
        }
        // Nobody needs profiles.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_named => Ok(ProfilesFile::default()),
        Err(error) => Err(Failure::Usage(format!("cannot read {}: {error}", path.display()))),
    }
}

fn default_path() -> Option<PathBuf> {
    Some(base_dir("XDG_CONFIG_HOME", ".config")?.join("sluice/profiles.toml"))
}

/// A directory of the user as the XDG specification has it: what the variable says, or a folder of the home directory.
pub(crate) fn base_dir(variable: &str, folder: &str) -> Option<PathBuf> {
    // A relative path counts as none.
    let named = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(env::home_dir()?.join(folder)))
}

#[cfg(test)]
mod tests;
