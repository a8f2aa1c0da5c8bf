//! The host of CKAN.

use std::sync::Arc;

use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use loopback_server::Handler;
use loopback_server::body::Body;
use loopback_server::fault;

use super::administration::Administration;
use super::state::{State, described};

/// The host of CKAN.
pub(super) struct Ckan {
    pub(super) state: Arc<State>,
    pub(super) administration: Administration,
}

impl Handler for Ckan {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
        let path = request.uri().path();
        if let Some(action) = path.strip_prefix("/_sample/") {
            let action = action.to_owned();
            let answer = tokio::task::spawn_blocking(move || {
                self.administration
                    .answer(&self.state, request.method(), &action, request.uri())
            });
            return fault::send(None, async { answer.await? }).await;
        }
        let log = described(&self.state.base, &request);
        let path = path.to_owned();
        let method = request.method().clone();
        let answer = Arc::clone(&self.state).ckan(request);
        let answer = self.state.faults.answer(&method, &path, answer).await;
        self.state.log(log, &answer);
        answer
    }
}
