//! `/_sample/...`: changes of the portal on demand.

use anyhow::{Context as _, bail};
use bytes::Bytes;
use hyper::{Method, Response, StatusCode, Uri};
use loopback_server::fault::Fault;
use serde_json::{Value, json};

use super::file_host::Switch;
use super::parameters::parameters;
use super::state::{State, json_answer};

/// Answers the requests below `/_sample/` that are listed in the README.
pub(super) struct Administration {
    pub(super) file_host: std::sync::Arc<Switch>,
}

impl Administration {
    pub(super) fn answer(
        &self,
        state: &State,
        method: &Method,
        action: &str,
        uri: &Uri,
    ) -> anyhow::Result<Response<Bytes>> {
        let parameters = parameters(uri.query().unwrap_or_default());
        let parameter = |name: &str| parameters.get(name).and_then(Value::as_str);
        Ok(match self.result(state, method, action, parameter) {
            Ok(result) => json_answer(StatusCode::OK, &result)?,
            Err(problem) => {
                let problem = json!({"error": format!("{problem:#}")});
                json_answer(StatusCode::BAD_REQUEST, &problem)?
            }
        })
    }

    fn result<'a>(
        &self,
        state: &State,
        method: &Method,
        action: &str,
        parameter: impl Fn(&str) -> Option<&'a str>,
    ) -> anyhow::Result<Value> {
        let parts: Vec<&str> = action.split('/').collect();
        let publications = &state.publications;
        if let (&Method::GET, ["requests"]) = (method, &parts[..]) {
            return Ok(json!(state.requests()));
        }
        if let ["years", year, rest @ ..] = &parts[..] {
            let year = year
                .parse()
                .with_context(|| format!("{year:?} is not a year"))?;
            let publication = || -> anyhow::Result<u32> {
                let text = parameter("publication").context("the publication is missing")?;
                text.parse()
                    .with_context(|| format!("{text:?} is not a publication's number"))
            };
            match (method.as_str(), rest) {
                ("GET", ["publications"]) => return Ok(json!(publications.publications(year))),
                ("POST", ["correct"]) => publications.correct(year),
                ("POST", ["touch"]) => publications.touch(year),
                ("POST", ["publish"]) => publications.publish(year, publication()?)?,
                ("POST", ["upload"]) => publications.upload(year, publication()?)?,
                ("POST", ["date"]) => publications.set_source_date(year)?,
                ("POST", ["rollback"]) => publications.roll_back(year)?,
                ("POST", ["rename"]) => {
                    publications.rename(year, parameter("name").context("the name is missing")?)?;
                }
                ("POST", ["offer"]) => {
                    let offer = parameter("as").context("`as` is missing")?;
                    publications.offer(year, offer.parse().map_err(anyhow::Error::msg)?)?;
                }
                _ => bail!(UNKNOWN),
            }
            return Ok(json!({"done": true}));
        }
        match (method.as_str(), &parts[..]) {
            ("POST", ["faults"]) => {
                let times = parameter("times").unwrap_or("1");
                let times = times
                    .parse()
                    .with_context(|| format!("{times:?} is not a number"))?;
                let kind = parameter("kind").context("the kind is missing")?;
                let kind = kind.parse().map_err(anyhow::Error::msg)?;
                let target = parameter("path").unwrap_or_default();
                state.faults.add(Fault::new(target, kind).times(times));
            }
            ("POST", ["search", "freeze"]) => state.freeze_search(true),
            ("POST", ["search", "thaw"]) => state.freeze_search(false),
            ("POST", ["file-host", "down"]) => self.file_host.stop(),
            ("POST", ["file-host", "up"]) => self.file_host.start()?,
            _ => bail!(UNKNOWN),
        }
        Ok(json!({"done": true}))
    }
}

const UNKNOWN: &str = "unknown action: see the README of sample-portal";
