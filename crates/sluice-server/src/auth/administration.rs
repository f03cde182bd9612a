//! Accounts as requests manage them: the same file, rules and words as on the command line.
//!
//! In: a change, and who asks for it. Out: the change on the disk and in force, with a line in the log that tells whose it was. Blocking.

use std::path::Path;

use zeroize::Zeroizing;

use super::{
    Auth,
    accounts::{Token, User},
    error::AuthError,
    first_admin,
    password::hash_password,
    role::Role,
    scope::Scope,
};

/// What is to be changed.
pub(crate) enum AccountsChange {
    /// A user is added.
    AddUser { name: String, password: Zeroizing<Vec<u8>>, role: Role, tenants: Vec<String> },
    /// A user gets another password.
    SetPassword { name: String, password: Zeroizing<Vec<u8>> },
    /// A user is removed.
    RemoveUser { name: String },
    /// A token is made.
    CreateToken { name: String, scope: Scope, tenants: Vec<String>, days: u32 },
    /// A token is taken back.
    RevokeToken { name: String },
}

impl Auth {
    /// Makes a change, in the name of `author`; returns the text of a token that was made.
    ///
    /// # Errors
    ///
    /// By variant of [`AuthError`]; then nothing has changed.
    pub(crate) fn change(
        &self,
        change: AccountsChange,
        author: String,
    ) -> Result<Option<Zeroizing<String>>, AuthError> {
        let file = &self.file;
        let mut made = None;
        match change {
            AccountsChange::AddUser { name, password, role, tenants } => {
                let mut user = User { name, password_hash: String::new(), role, tenants };
                // What is refused is refused before its password is hashed.
                file.read()?.add_user(user.clone())?;
                user.password_hash = hash_password(&first_admin::trim_password(password)?)?;
                file.change_as(Some(author), |accounts| accounts.add_user(user))?;
            }
            AccountsChange::SetPassword { name, password } => {
                file.read()?.set_password(&name, String::new())?;
                let password_hash = hash_password(&first_admin::trim_password(password)?)?;
                file.change_as(Some(author), |accounts| accounts.set_password(&name, password_hash))?;
                forget_password(file.dir(), &name);
            }
            AccountsChange::RemoveUser { name } => {
                file.change_as(Some(author), |accounts| accounts.remove_user(&name))?;
                forget_password(file.dir(), &name);
            }
            AccountsChange::CreateToken { name, scope, tenants, days } => {
                let (text, token) = Token::make(name, scope, tenants, days)?;
                file.change_as(Some(author), |accounts| accounts.add_token(token))?;
                made = Some(text);
            }
            AccountsChange::RevokeToken { name } => {
                file.change_as(Some(author), |accounts| accounts.revoke_token(&name))?;
            }
        }
        // In force before the answer.
        self.reread();
        Ok(made)
    }
}

/// Removes what is kept of the first password. It opens nothing any more, so that it stays is nobody's failure but ours.
fn forget_password(data_dir: &Path, name: &str) {
    if let Err(error) = first_admin::forget_password(data_dir, name) {
        let cause = format!("{:#}", anyhow::Error::new(error));
        tracing::warn!(cause, "the file with the first password, which counts no more, cannot be removed");
    }
}

#[cfg(test)]
mod tests;
