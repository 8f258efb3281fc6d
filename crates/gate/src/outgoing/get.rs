//! Fetching a page from a listed host: every step of a redirection is judged anew.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::header::{CONTENT_TYPE, HOST, LOCATION};

use super::{Outgoing, OutgoingError, Target};

/// Redirections that are followed.
const MAX_STEPS: usize = 3;

/// What was fetched.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GetError {
    /// The operator did not list it.
    #[error("{0} is not a listed host")]
    NotListed(String),
    /// It is too long, or its connection broke.
    #[error("the answer is longer than {0} bytes or broken")]
    Body(usize),
    /// It leads from place to place.
    #[error("more than {MAX_STEPS} redirections")]
    Redirected,
    /// The request failed.
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
}

impl Outgoing {
    /// Gets a URL of a listed host (`host` for its usual port, or `host:port`).
    ///
    /// # Errors
    /// [`GetError`].
    pub(crate) async fn get(
        &self,
        url: &str,
        hosts: &[String],
        most: usize,
        limit: Duration,
    ) -> Result<Fetched, GetError> {
        match tokio::time::timeout(limit, self.follow(url, hosts, most)).await {
            Ok(done) => done,
            Err(_) => Err(OutgoingError::TooLong(limit).into()),
        }
    }

    async fn follow(&self, url: &str, hosts: &[String], most: usize) -> Result<Fetched, GetError> {
        let mut url = url.to_owned();
        for _ in 0..=MAX_STEPS {
            let target = Target::parse(&url).map_err(OutgoingError::from)?;
            let usual = target.port == if target.secure { 443 } else { 80 };
            let with_port = format!("{}:{}", target.host, target.port);
            let listed = |host: &String| {
                host.eq_ignore_ascii_case(&with_port) || (usual && host.eq_ignore_ascii_case(&target.host))
            };
            if !hosts.iter().any(listed) {
                return Err(GetError::NotListed(target.authority));
            }
            let mut sender = self.connect(&target).await?;
            let request = Request::get(&*target.path).header(HOST, &*target.authority);
            let request = request
                .body(Full::default())
                .map_err(|error| OutgoingError::Connect(std::io::Error::other(error)))?;
            let answer = sender.send_request(request).await.map_err(OutgoingError::from)?;
            let text = |name| answer.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
            if answer.status().is_redirection()
                && let Some(next) = text(LOCATION)
            {
                let scheme = if target.secure { "https" } else { "http" };
                url = match next.strip_prefix('/') {
                    Some(path) if !path.starts_with('/') => format!("{scheme}://{}/{path}", target.authority),
                    _ => next,
                };
                continue;
            }
            let (status, content_type) = (answer.status().as_u16(), text(CONTENT_TYPE).unwrap_or_default());
            let body = Limited::new(answer.into_body(), most).collect().await;
            let body = body.map_err(|_| GetError::Body(most))?.to_bytes().to_vec();
            return Ok(Fetched { status, content_type, body });
        }
        Err(GetError::Redirected)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers every connection by what its path says.
    async fn server() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().to_string();
        let authority = own.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![0; 4096];
                let length = stream.read(&mut head).await.unwrap();
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                let to = |place: &str| {
                    format!("HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n")
                };
                let answer = match head.split(' ').nth(1).unwrap() {
                    "/long" => format!("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}", "x".repeat(99)),
                    "/near" => to("/page"),
                    "/round" => to("/round"),
                    "/far" => to("http://127.0.0.1:1/"),
                    _ => "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
                        .to_owned(),
                };
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            drop(authority);
        });
        own
    }

    #[tokio::test]
    async fn pages_of_listed_hosts_are_fetched_and_nothing_else() {
        let own = server().await;
        let config = strowger_config::Config::with(&[("webhookprivate", "127.0.0.1")]);
        let outgoing = Outgoing::new(config.webhookprivate.clone(), String::new());
        let hosts = [own.clone()];
        let limit = Duration::from_secs(30);
        let get = async |path: &str| outgoing.get(&format!("http://{own}{path}"), &hosts, 50, limit).await;
        let page = get("/page").await.unwrap();
        assert_eq!(
            (page.status, page.content_type.as_str(), page.body.as_slice()),
            (200, "text/plain", &b"hello"[..])
        );
        assert_eq!(get("/near").await.unwrap().body, b"hello");
        assert!(matches!(get("/long").await, Err(GetError::Body(50))));
        assert!(matches!(get("/round").await, Err(GetError::Redirected)));
        assert!(matches!(get("/far").await, Err(GetError::NotListed(_))));
        let careful = Outgoing::new(strowger_config::Addresses::default(), String::new());
        let refused = careful.get(&format!("http://{own}/page"), &hosts, 50, limit).await;
        assert!(matches!(refused, Err(GetError::Outgoing(OutgoingError::Target(_)))), "{refused:?}");
    }
}
