//! Who asks: what goes into the header `Authorization`.
//!
//! In: a profile. Out: the header's value: a token, or user and password, out of a file, a variable, or what is typed on the
//! terminal without being shown. None with a client certificate.

use std::{
    env, fs,
    io::{self, IsTerminal as _},
    path::Path,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

use crate::{
    failure::Failure,
    profile::{Profile, TOKEN_VARIABLE},
};

const PASSWORD_VARIABLE: &str = "SLUICE_CLIENT_PASSWORD";

/// Finds the credentials.
///
/// # Errors
///
/// [`Failure::Usage`] when there are none, or a file with them cannot be read.
pub(crate) fn authorization(profile: &Profile) -> Result<Option<HeaderValue>, Failure> {
    if let Some(path) = &profile.token_file {
        return bearer(&read_secret(path)?).map(Some);
    }
    if let Some(user) = &profile.user {
        let password = password(profile, user)?;
        let pair = Zeroizing::new(format!("{user}:{}", *password));
        let encoded = Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()));
        return header(&Zeroizing::new(format!("Basic {}", *encoded))).map(Some);
    }
    if profile.client_certificate.is_some() {
        return Ok(None);
    }
    match env::var(TOKEN_VARIABLE) {
        Ok(token) => bearer(&Zeroizing::new(token)).map(Some),
        Err(_) => Err(Failure::Usage(format!(
            "who asks? Name a --user, a --token-file or a --client-certificate, put them into a profile, or set {TOKEN_VARIABLE}"
        ))),
    }
}

fn password(profile: &Profile, user: &str) -> Result<Zeroizing<String>, Failure> {
    if let Some(path) = &profile.password_file {
        return read_secret(path);
    }
    if let Ok(password) = env::var(PASSWORD_VARIABLE) {
        return Ok(Zeroizing::new(password));
    }
    if !io::stderr().is_terminal() {
        return Err(Failure::Usage(format!(
            "no terminal to ask for the password of {user} on: name a --password-file, or set {PASSWORD_VARIABLE}"
        )));
    }
    typed(format!("Password of {user}: "))
}

/// What is typed on the terminal, without being shown.
///
/// # Errors
///
/// [`Failure::Usage`] without a terminal.
pub(crate) fn typed(prompt: String) -> Result<Zeroizing<String>, Failure> {
    let typed = rpassword::prompt_password(prompt);
    typed.map(Zeroizing::new).map_err(|error| Failure::Usage(format!("cannot ask for the password: {error}")))
}

/// A secret without the end of its line.
pub(crate) fn line_of(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// The secret of a file, without the end of its line.
fn read_secret(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?;
    Ok(line_of(&text))
}

fn bearer(token: &Zeroizing<String>) -> Result<HeaderValue, Failure> {
    header(&Zeroizing::new(format!("Bearer {}", token.trim())))
}

fn header(text: &Zeroizing<String>) -> Result<HeaderValue, Failure> {
    let value = HeaderValue::from_str(text);
    let mut value =
        value.map_err(|_says_it| Failure::Usage("a token is one line of plain text".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}
