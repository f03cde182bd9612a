//! Users and tokens: listed, made, removed.
//!
//! In: a command; a password out of a file, typed twice on the terminal, or through a pipe, never an argument. Out: lists, and a token, which
//! is printed alone, to go into a file.

use std::{
    fs,
    io::{self, IsTerminal as _, Read as _},
    path::Path,
};

use serde_json::{json, value::RawValue};
use zeroize::Zeroizing;

use crate::{
    answer,
    arguments::{OutputForm, TokensCommand, UsersCommand},
    credentials::{line_of, typed},
    escaping::plain,
    failure::{Ended, Failure},
    output::{done, list, print},
    server::{Server, asking::Asked},
};

/// Bytes that are read of a pipe; a password is far shorter.
const PIPE_BYTES_MAX: u64 = 1 << 16;

/// Carries out a command of users.
///
/// # Errors
///
/// Whatever came of it instead.
pub(crate) async fn users(server: &Server, command: UsersCommand) -> Result<Ended, Failure> {
    match command {
        UsersCommand::List { output } => {
            list(server, server.v1_root(&["users"]), &["name", "role", "tenants"], output.form).await
        }
        UsersCommand::Add { name, role, tenants, new_password_file } => {
            let password = password(&name, new_password_file.as_deref())?;
            let body = json!({"name": name, "password": *password, "role": role, "tenants": tenants});
            server.ask(Asked::Create, server.v1_root(&["users"]), body.to_string()).await?;
            done(&format!("user {name} added"))
        }
        UsersCommand::Password { name, new_password_file } => {
            let password = password(&name, new_password_file.as_deref())?;
            let url = server.v1_root(&["users", &name, "password"]);
            server.ask(Asked::Put, url, json!({"password": *password}).to_string()).await?;
            done(&format!("password of user {name} changed"))
        }
        UsersCommand::Remove { name } => {
            server.ask(Asked::Remove, server.v1_root(&["users", &name]), String::new()).await?;
            done(&format!("user {name} removed"))
        }
    }
}

/// Carries out a command of tokens.
///
/// # Errors
///
/// Whatever came of it instead.
pub(crate) async fn tokens(server: &Server, command: TokensCommand) -> Result<Ended, Failure> {
    match command {
        TokensCommand::List { output } => {
            list(server, server.v1_root(&["tokens"]), &["name", "scope", "tenants", "expires"], output.form)
                .await
        }
        TokensCommand::Create { name, scope, tenants, days, output } => {
            let body = json!({"name": name, "scope": scope, "tenants": tenants, "days": days});
            let made = server.ask(Asked::Create, server.v1_root(&["tokens"]), body.to_string()).await?;
            let unreadable = |error| answer::unreadable(&error);
            if output.form == OutputForm::Table {
                let made: serde_json::Value = serde_json::from_slice(&made).map_err(unreadable)?;
                let token = made.get("token").and_then(serde_json::Value::as_str);
                return done(&plain(token.unwrap_or_default()));
            }
            let made: Box<RawValue> = serde_json::from_slice(&made).map_err(unreadable)?;
            print(output.form, &[], &[made])?;
            Ok(Ended::Well)
        }
        TokensCommand::Revoke { name } => {
            server.ask(Asked::Remove, server.v1_root(&["tokens", &name]), String::new()).await?;
            done(&format!("token {name} revoked"))
        }
    }
}

fn password(user: &str, file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let text = match file {
        Some(path) => fs::read_to_string(path).map_err(|error| Failure::of_file("read", path, &error))?,
        None if io::stdin().is_terminal() => return typed_twice(user),
        None => {
            let mut text = String::new();
            let read = io::stdin().lock().take(PIPE_BYTES_MAX).read_to_string(&mut text);
            read.map_err(|error| Failure::Local(format!("cannot read standard input: {error}")))?;
            text
        }
    };
    Ok(line_of(&Zeroizing::new(text)))
}

fn typed_twice(user: &str) -> Result<Zeroizing<String>, Failure> {
    let first = typed(format!("New password of {user}: "))?;
    if first != typed("The same again: ".to_owned())? {
        return Err(Failure::Usage("the two are not the same; nothing has changed".to_owned()));
    }
    Ok(first)
}
