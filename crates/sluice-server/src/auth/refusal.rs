//! Why a login was refused: for the client, which is not told much, for the log, and for whoever counts.
//!
//! In: nothing. Out: each reason once, with its sentence for the log and its word for metrics; both are promised, to filters
//! of logs and to alerts.

use crate::http::problem::Cause;

/// A login that was refused.
#[derive(Debug)]
pub(crate) struct Refused {
    /// What the client is told.
    pub(crate) cause: Cause,
    /// Who it claimed to be; a token as `token:` and its name, if it is known.
    pub(crate) user: String,
    /// For the log and for metrics.
    pub(crate) reason: RefusalReason,
}

/// Why it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RefusalReason {
    /// Neither a header nor a certificate.
    NoCredentials,
    /// A header that is none of ours, or several.
    Malformed,
    /// No account has the name.
    UnknownUser,
    /// The account has another password.
    WrongPassword,
    /// No account has the token.
    UnknownToken,
    /// Its time is over.
    ExpiredToken,
    /// Too many were tried already.
    TooManyAttempts,
    /// By a fault of ours.
    NotChecked,
    /// No account has the name in the client certificate.
    UnknownUserOfCertificate,
    /// The authority of the client certificate is not the one that is trusted now.
    CertificateNotTrusted,
    /// The time of the client certificate is over.
    CertificateEnded,
    /// It names nobody.
    CertificateNameless,
}

impl RefusalReason {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 12] = [
        Self::NoCredentials,
        Self::Malformed,
        Self::UnknownUser,
        Self::WrongPassword,
        Self::UnknownToken,
        Self::ExpiredToken,
        Self::TooManyAttempts,
        Self::NotChecked,
        Self::UnknownUserOfCertificate,
        Self::CertificateNotTrusted,
        Self::CertificateEnded,
        Self::CertificateNameless,
    ];

    /// Whether it may be one of many guesses at a secret. The filter of fail2ban in `deploy` counts these.
    pub(crate) fn is_guess(self) -> bool {
        match self {
            Self::Malformed
            | Self::UnknownUser
            | Self::WrongPassword
            | Self::UnknownToken
            | Self::TooManyAttempts => true,
            Self::NoCredentials
            | Self::ExpiredToken
            | Self::NotChecked
            | Self::UnknownUserOfCertificate
            | Self::CertificateNotTrusted
            | Self::CertificateEnded
            | Self::CertificateNameless => false,
        }
    }

    /// As the log tells it.
    pub(crate) fn told(self) -> &'static str {
        self.words()[0]
    }

    /// As metrics label it.
    pub(crate) fn label(self) -> &'static str {
        self.words()[1]
    }

    fn words(self) -> [&'static str; 2] {
        match self {
            Self::NoCredentials => ["no credentials", "no_credentials"],
            Self::Malformed => ["malformed credentials", "malformed"],
            Self::UnknownUser => ["unknown user", "unknown_user"],
            Self::WrongPassword => ["wrong password", "wrong_password"],
            Self::UnknownToken => ["unknown token", "unknown_token"],
            Self::ExpiredToken => ["expired token", "expired_token"],
            Self::TooManyAttempts => ["too many attempts", "throttled"],
            Self::NotChecked => ["it could not be checked", "not_checked"],
            Self::UnknownUserOfCertificate => {
                ["unknown user in a client certificate", "certificate_unknown_user"]
            }
            Self::CertificateNotTrusted => {
                ["client certificate of an authority that is not trusted any more", "certificate_not_trusted"]
            }
            Self::CertificateEnded => ["client certificate that has ended", "certificate_ended"],
            Self::CertificateNameless => ["client certificate without a common name", "certificate_nameless"],
        }
    }
}

#[cfg(test)]
mod tests;
