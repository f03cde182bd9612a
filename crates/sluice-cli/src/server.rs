//! The daemon as the client sees it: requests in, answers out. The only file that knows the HTTP library.
//!
//! An answer that comes before the body has been sent is the answer: the rest of the body is not sent. Nothing is sent twice here.

use std::{error, fs, io, path::Path, time::Duration};

use bytes::Bytes;
use reqwest::{
    Body, Certificate, Client, Identity,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
    redirect,
};
use url::{Host, Url};

use crate::{
    answer::{Answer, Problem},
    credentials,
    failure::{Failure, with_causes},
    profile::Profile,
};

pub(crate) use reqwest::Method;

/// Longest time to connect.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// Time after which a connection on which nothing happens is tried out.
const KEEPALIVE_TIME: Duration = Duration::from_secs(30);

/// A daemon, and who asks.
#[derive(Debug)]
pub(crate) struct Server {
    client: Client,
    url: Url,
    tenant: Option<String>,
    authorization: Option<HeaderValue>,
}

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) content_type: Option<&'static str>,
    /// How the body is packed, if it is.
    pub(crate) encoding: Option<&'static str>,
    /// A UUID by which the daemon knows the request afterwards.
    pub(crate) key: Option<String>,
    pub(crate) body: Body,
}

impl Request {
    /// One with a body of JSON, or none.
    pub(crate) fn plain(method: Method, url: Url, body: String) -> Self {
        let content_type = Some("application/json");
        Self { method, url, content_type, encoding: None, key: None, body: body.into() }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    pub(crate) text: String,
    /// Whether trying again has no point: the daemon is none that is trusted.
    pub(crate) is_for_good: bool,
}

impl NoAnswer {
    fn of(error: reqwest::Error, url: &Url) -> Self {
        let error = error.without_url();
        let is_for_good = is_of_certificate(&error);
        Self { text: format!("cannot reach {url}: {}", with_causes(&error)), is_for_good }
    }
}

impl Server {
    /// The daemon of a profile. Connects with the first request.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] when the profile is wrong.
    pub(crate) fn of(profile: Profile) -> Result<Self, Failure> {
        let url = Url::parse(&profile.url).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
        });
        let url = url.ok_or_else(|| {
            let text = "the URL is to be one like https://sluice.example.com:9440, without user and password";
            Failure::Usage(text.to_owned())
        })?;
        let authorization = credentials::authorization(&profile)?;
        let client = client(&profile, &url)?;
        Ok(Self { client, url, tenant: profile.tenant, authorization })
    }

    /// The URL of a request of the `/v1` interface, in the profile's tenant.
    pub(crate) fn v1(&self, segments: &[&str]) -> Url {
        match &self.tenant {
            Some(tenant) => self.at(&["v1", "tenants", tenant], segments),
            None => self.at(&["v1"], segments),
        }
    }

    /// The URL of a request of the CyberTrace interface for all tenants.
    pub(crate) fn cybertrace(&self, segments: &[&str]) -> Url {
        self.at(&["api", "1.3"], segments)
    }

    /// The same in the profile's tenant.
    pub(crate) fn cybertrace_of_tenant(&self, segments: &[&str]) -> Url {
        match &self.tenant {
            Some(tenant) => self.at(&["api", "1.3", tenant], segments),
            None => self.cybertrace(segments),
        }
    }

    fn at(&self, root: &[&str], segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        // Fails for URLs that have no host alone.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(root).extend(segments);
        }
        url
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, NoAnswer> {
        let Request { method, url, content_type, encoding, key, body } = request;
        let mut builder = self.client.request(method, url).body(body);
        if let Some(authorization) = &self.authorization {
            builder = builder.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(content_type) = content_type {
            builder = builder.header(CONTENT_TYPE, content_type);
        }
        if let Some(encoding) = encoding {
            builder = builder.header(CONTENT_ENCODING, encoding);
        }
        if let Some(key) = key {
            builder = builder.header("Idempotency-Key", key);
        }
        let no_answer = |error| NoAnswer::of(error, &self.url);
        let response = builder.send().await.map_err(no_answer)?;
        let status = response.status().as_u16();
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = response.bytes().await.map_err(no_answer)?;
        Ok(Answer { status, retry_after: seconds.map(Duration::from_secs), body })
    }

    /// Sends a request of the CyberTrace interface, and gives the body of a success.
    ///
    /// # Errors
    ///
    /// Whatever else came of it.
    pub(crate) async fn ask(&self, method: Method, url: Url, body: String) -> Result<Bytes, Failure> {
        let answer = self
            .send(Request::plain(method, url, body))
            .await
            .map_err(|no_answer| Failure::Unavailable(no_answer.text))?;
        answer.into_success().map_err(Problem::into_failure)
    }
}

/// Whether a certificate is the cause, which an I/O error does not count among its sources.
fn is_of_certificate(error: &(dyn error::Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref() {
        return matches!(error, rustls::Error::InvalidCertificate(_));
    }
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => is_of_certificate(inner),
        None => error.source().is_some_and(is_of_certificate),
    }
}

fn client(profile: &Profile, url: &Url) -> Result<Client, Failure> {
    // Fails when there is one already, and then that one is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut builder = Client::builder()
        .http1_only()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIME_MAX)
        .tcp_keepalive(KEEPALIVE_TIME)
        // A daemon that is busy takes nothing for a while.
        .tcp_user_timeout(None)
        .tls_danger_accept_invalid_certs(profile.insecure);
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    if let Some(path) = &profile.ca_file {
        let trusted = Certificate::from_pem_bundle(&read(path)?).map_err(|error| unusable(path, &error))?;
        builder = builder.tls_certs_only(trusted);
    } else if url.scheme() == "http" {
        // The system need not have any.
        builder = builder.tls_certs_only([]);
    }
    if let Some(path) = &profile.client_certificate {
        let identity = Identity::from_pem(&read(path)?).map_err(|error| unusable(path, &error))?;
        builder = builder.identity(identity);
    }
    builder.build().map_err(|error| Failure::Usage(with_causes(&error).to_string()))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))
}

fn unusable(path: &Path, error: &reqwest::Error) -> Failure {
    Failure::Usage(format!("{} cannot be used: {}", path.display(), with_causes(error)))
}
