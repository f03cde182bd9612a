//! Who has logged in well: addresses, and accounts from them.
//!
//! In: logins that were right. Out: how well an address and an account are known. An account is the digest of its name
//! and of its password hash, so a login says nothing for an account that has been removed, or whose password has changed
//! since; it still speaks for its address.
//!
//! Bounded: the oldest logins are forgotten first, and those of one account before those of others, so that nobody can
//! make Sluice forget the others by logging in from everywhere. A login that is among the older half becomes the newest
//! when it is seen again; other repeats change nothing, so that little is written.
//!
//! As text, a login is a line, oldest first: `192.0.2.1 ` and the digest in hex. Addresses stand there in plain: a key
//! would have to lie beside them, and four billion addresses are soon tried.

use std::{collections::BTreeMap, net::IpAddr};

use sluice_model::hex;

#[cfg(test)]
mod tests;

/// Logins remembered.
const LOGINS_MAX: usize = 16_384;

/// Logins remembered of one account.
const LOGINS_PER_ACCOUNT_MAX: usize = 1_024;

/// Longest text, in bytes: an IPv6 address of 39 bytes, a digest of 64 and two more make a line.
pub(crate) const TEXT_BYTES_MAX: usize = LOGINS_MAX * (39 + 64 + 2);

/// The digest of an account.
pub(crate) type AccountDigest = [u8; 32];

/// How well an address and an account are known, best first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Standing {
    /// The account has logged in from the address.
    KnownPair,
    /// Some account has.
    KnownAddress,
    /// None has.
    Stranger,
}

/// See the module.
#[derive(Default)]
pub(crate) struct KnownLogins {
    /// The age of each login; the newest has the largest number.
    ages: BTreeMap<(IpAddr, AccountDigest), u64>,
    /// The same logins by account and age.
    by_account: BTreeMap<(AccountDigest, u64), IpAddr>,
    next_age: u64,
}

impl KnownLogins {
    /// How well they are known; `None` is an account that does not exist.
    pub(crate) fn standing(&self, address: IpAddr, account: Option<&AccountDigest>) -> Standing {
        if account.is_some_and(|account| self.ages.contains_key(&(address, *account))) {
            return Standing::KnownPair;
        }
        let any = (address, [0; 32])..=(address, [u8::MAX; 32]);
        if self.ages.range(any).next().is_some() { Standing::KnownAddress } else { Standing::Stranger }
    }

    /// Remembers a login. Returns true if the text has changed.
    pub(crate) fn note(&mut self, address: IpAddr, account: AccountDigest) -> bool {
        if let Some(age) = self.ages.get(&(address, account)).copied() {
            if self.next_age - age <= LOGINS_MAX as u64 / 2 {
                return false;
            }
            self.forget(account, age);
        } else if let Some((account, age)) = self.one_too_many(account) {
            self.forget(account, age);
        }
        self.ages.insert((address, account), self.next_age);
        self.by_account.insert((account, self.next_age), address);
        self.next_age += 1;
        true
    }

    /// What is to be forgotten before another login of this account is remembered.
    fn one_too_many(&self, account: AccountDigest) -> Option<(AccountDigest, u64)> {
        let mut own = self.by_account.range((account, 0)..=(account, u64::MAX)).map(|(key, _)| *key);
        let oldest = own.next();
        if LOGINS_PER_ACCOUNT_MAX <= own.count() + 1 {
            return oldest;
        }
        if self.ages.len() < LOGINS_MAX {
            return None;
        }
        self.by_account.keys().min_by_key(|(_, age)| *age).copied()
    }

    fn forget(&mut self, account: AccountDigest, age: u64) {
        if let Some(address) = self.by_account.remove(&(account, age)) {
            self.ages.remove(&(address, account));
        }
    }

    /// All logins as text.
    pub(crate) fn to_text(&self) -> String {
        let mut by_age: Vec<_> = self.ages.iter().collect();
        by_age.sort_unstable_by_key(|(_, age)| **age);
        let mut text = String::new();
        for ((address, account), _) in by_age {
            text.push_str(&address.to_string());
            text.push(' ');
            hex::append(account, &mut text);
            text.push('\n');
        }
        text
    }

    /// Reads text. Lines that are no logins are passed over: what is lost with them is a precedence.
    pub(crate) fn of_text(text: &str) -> Self {
        let mut logins = Self::default();
        for line in text.lines() {
            if let Some((address, account)) = read_line(line) {
                logins.note(address, account);
            }
        }
        logins
    }
}

fn read_line(line: &str) -> Option<(IpAddr, AccountDigest)> {
    let (address, account) = line.split_once(' ')?;
    Some((address.parse().ok()?, hex::decode(account)?.try_into().ok()?))
}
