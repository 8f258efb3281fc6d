//! Asking another server's API: one question, its whole answer, no redirection.

use std::time::Duration;

use bytes::Bytes as Body;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request};

use super::{Outgoing, OutgoingError, Target, TargetError};

impl Outgoing {
    /// Asks with a POST where there is a body, else with a GET, on a connection of its own; gives the HTTP status and a
    /// body of at most `most` bytes. Over plain HTTP only this machine is asked.
    ///
    /// # Errors
    /// [`OutgoingError`]; the question may have reached the server all the same.
    pub(crate) async fn ask(
        &self,
        url: &str,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Option<Vec<u8>>,
        most: usize,
        limit: Duration,
    ) -> Result<(u16, Vec<u8>), OutgoingError> {
        match tokio::time::timeout(limit, self.question(url, headers, body, most)).await {
            Ok(done) => done,
            Err(_) => Err(OutgoingError::TooLong(limit)),
        }
    }

    async fn question(
        &self,
        url: &str,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Option<Vec<u8>>,
        most: usize,
    ) -> Result<(u16, Vec<u8>), OutgoingError> {
        let target = Target::parse(url)?;
        if !target.secure && !target.resolve(&self.private).await?.ip().is_loopback() {
            return Err(TargetError::Form.into());
        }
        let broken = |error| OutgoingError::Connect(std::io::Error::other(error));
        let mut sender = self.connect(&target).await?;
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::new(Full::new(Body::from(body.unwrap_or_default())));
        *request.method_mut() = method;
        *request.uri_mut() = target.path.parse().map_err(|_| TargetError::Form)?;
        let host = HeaderValue::from_str(&target.authority).map_err(|_| TargetError::Form)?;
        request.headers_mut().insert(hyper::header::HOST, host);
        request.headers_mut().extend(headers);
        let answer = sender.send_request(request).await?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), most).collect().await;
        let body = body.map_err(|_| broken("its answer is too long or broken"))?;
        Ok((status, body.to_bytes().to_vec()))
    }
}
