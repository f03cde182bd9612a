//! The daemon as the client sees it: requests in, answers out. The only file that knows the HTTP library.
//!
//! An answer that comes before the body has been sent is the answer: the rest of the body is not sent. No wait is without a bound: a
//! daemon that is silent for too long counts as away. [`asking`] sends again what may be sent twice, or was not taken; a push
//! knows more of its request, and does so by itself.

use std::{error, fs, io, path::Path, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{
    Body, Certificate, Client, Identity, Response,
    header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
    redirect,
};
use sluice_model::cursor::Cursor;
use tokio::time::{sleep, timeout};
use url::{Host, Url};

use crate::{
    answer::Answer,
    credentials,
    failure::{Failure, with_causes},
    profile::Profile,
};

pub(crate) mod asking;

pub(crate) use reqwest::Method;

/// Longest time to connect.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// Time after which a connection on which nothing happens is tried out.
const KEEPALIVE_TIME: Duration = Duration::from_secs(30);

/// A daemon, and who asks.
pub(crate) struct Server {
    client: Client,
    url: Url,
    tenant: Option<String>,
    authorization: Option<HeaderValue>,
    timing: Timing,
    /// Takes what should be known while a request is made again.
    tell: Box<dyn Fn(&str)>,
}

/// How long what may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// Time in which the daemon says and takes nothing, after which it counts as away.
    pub(crate) silence_max: Duration,
    /// How long a request is made again, also if the daemon cannot be connected to; half a minute, and not then, if nothing is said.
    pub(crate) retry_for: Option<Duration>,
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
    /// What the daemon asks for, if it has answered with a refusal.
    pub(crate) retry_after: Option<Duration>,
    /// Whether there was no connection, and so nothing was sent.
    is_unsent: bool,
}

impl NoAnswer {
    fn of(error: reqwest::Error, url: &Url) -> Self {
        let error = error.without_url();
        let (is_for_good, is_unsent) = (is_of_certificate(&error), error.is_connect());
        let text = format!("cannot reach {url}: {}", with_causes(&error));
        Self { text, is_for_good, retry_after: None, is_unsent }
    }

    /// An answer that came in part.
    pub(crate) fn of_break(text: &str) -> Self {
        Self { text: text.to_owned(), is_for_good: false, retry_after: None, is_unsent: false }
    }
}

/// How a long answer ended before its end.
pub(crate) enum Broken {
    /// It can be gone on with.
    Off(NoAnswer),
    /// It cannot.
    For(Failure),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::For(failure)
    }
}

impl Server {
    /// The daemon of a profile. Connects with the first request. `tell` takes why [`Server::ask`] asks again.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] when the profile is wrong.
    pub(crate) fn of(profile: Profile, timing: Timing, tell: Box<dyn Fn(&str)>) -> Result<Self, Failure> {
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
        Ok(Self { client, url, tenant: profile.tenant, authorization, timing, tell })
    }

    /// Time in which the daemon says and takes nothing, after which it counts as away.
    pub(crate) fn silence_max(&self) -> Duration {
        self.timing.silence_max
    }

    /// Tells what should be known.
    pub(crate) fn tell(&self, text: &str) {
        (self.tell)(text);
    }

    /// The URL of a request of the `/v1` interface, in the profile's tenant.
    pub(crate) fn v1(&self, segments: &[&str]) -> Url {
        match &self.tenant {
            Some(tenant) => self.at(&["v1", "tenants", tenant], segments),
            None => self.at(&["v1"], segments),
        }
    }

    /// The same of what belongs to no tenant.
    pub(crate) fn v1_root(&self, segments: &[&str]) -> Url {
        self.at(&["v1"], segments)
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

    /// Sends a request with a short body and reads the answer.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, NoAnswer> {
        self.send_until(request, sleep(self.silence_max())).await
    }

    /// Sends a request and reads the answer, unless the daemon is given up before: once `given_up` ends.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub(crate) async fn send_until(
        &self,
        request: Request,
        given_up: impl Future<Output = ()>,
    ) -> Result<Answer, NoAnswer> {
        let no_answer = |error| NoAnswer::of(error, &self.url);
        let response = tokio::select! {
            biased;
            response = self.begin(request) => response.map_err(no_answer)?,
            () = given_up => return Err(self.silent()),
        };
        self.answer_of(response).await
    }

    /// Sends a request, and gives the answer once its head is there.
    async fn begin(&self, request: Request) -> reqwest::Result<Response> {
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
        builder.send().await
    }

    /// Asks for something long, and gives it once its head is there. The inner error is a refusal that is none for now.
    ///
    /// # Errors
    ///
    /// Why there is no answer, or none yet.
    pub(crate) async fn download(
        &self,
        url: Url,
        accept: &'static str,
    ) -> Result<Result<Download<'_>, Failure>, NoAnswer> {
        let mut builder = self.client.get(url).header(ACCEPT, accept);
        if let Some(authorization) = &self.authorization {
            builder = builder.header(AUTHORIZATION, authorization.clone());
        }
        let response = timeout(self.silence_max(), builder.send()).await.map_err(|_elapsed| self.silent())?;
        let response = response.map_err(|error| NoAnswer::of(error, &self.url))?;
        if response.status().is_success() {
            return Ok(Ok(Download { server: self, response }));
        }
        let Err(problem) = self.answer_of(response).await?.into_success() else {
            return Err(NoAnswer::of_break("the answer makes no sense"));
        };
        if problem.is_temporary() {
            let retry_after = problem.retry_after;
            return Err(NoAnswer { retry_after, ..NoAnswer::of_break(&problem.to_string()) });
        }
        Ok(Err(problem.into_failure()))
    }

    /// Reads an answer to its end.
    async fn answer_of(&self, mut response: Response) -> Result<Answer, NoAnswer> {
        let status = response.status().as_u16();
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let mut body = BytesMut::new();
        while let Some(piece) = self.next_of(&mut response).await? {
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status, retry_after: seconds.map(Duration::from_secs), body: body.freeze() })
    }

    /// The next piece of the body of an answer.
    async fn next_of(&self, response: &mut Response) -> Result<Option<Bytes>, NoAnswer> {
        let piece = timeout(self.silence_max(), response.chunk()).await;
        piece.map_err(|_elapsed| self.silent())?.map_err(|error| NoAnswer::of(error, &self.url))
    }

    fn silent(&self) -> NoAnswer {
        let time = humantime::format_duration(self.silence_max());
        let text = format!("{} says nothing for {time}", self.url);
        NoAnswer::of_break(&text)
    }
}

/// A long answer, piece by piece.
pub(crate) struct Download<'s> {
    server: &'s Server,
    response: Response,
}

impl Download<'_> {
    /// The state that it shows, or leads to.
    pub(crate) fn cursor(&self) -> Option<Cursor> {
        self.response.headers().get("sluice-cursor")?.to_str().ok()?.parse().ok()
    }

    /// The next piece; `None` at its end.
    ///
    /// # Errors
    ///
    /// It breaks off, or nothing comes for too long.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, NoAnswer> {
        self.server.next_of(&mut self.response).await
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
