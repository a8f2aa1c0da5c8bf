//! Any bytes as the portal's description of a package.

use jiff::Timestamp;
use reqwest::StatusCode;
use shared::address::Address;
use url::Url;

use super::pick::PickError;
use super::{resources, wgs84_polygons, yearly};
use crate::http::Document;

/// Reads `body` as CKAN's description of a package, and picks its resources.
///
/// What is picked has an address that shows no secret. Whatever a message shows is on one line.
pub fn package(body: &[u8]) {
    let url = Url::parse("https://portal.test/api/3/action/package_show").expect("an address");
    let now = Timestamp::constant(1_793_491_200, 0);
    let document = Document {
        status: StatusCode::OK,
        body: body.to_vec(),
    };
    let resources = match resources("service-requests", &document, Address::of(&url), now) {
        Ok(resources) => resources,
        Err(error) => return check_message(&error.to_string()),
    };
    let mut choices = Vec::new();
    for (year, choice) in yearly(&resources) {
        assert!((2000..=2199).contains(&year));
        choices.push(choice);
    }
    choices.push(wgs84_polygons(&resources));
    for choice in choices {
        let choice = match choice {
            Ok(choice) => choice,
            // It lists all resources.
            Err(PickError::Missing { what, .. }) => return check_message(&what),
            Err(error) => return check_message(&error.to_string()),
        };
        for offer in choice.others.iter().chain([&choice.first]) {
            let shown = Url::parse(&offer.source.url).expect("an address");
            assert!(
                shown.query().is_none() && shown.fragment().is_none(),
                "{shown}"
            );
            assert!(
                shown.username().is_empty() && shown.password().is_none(),
                "{shown}"
            );
            let at = offer.source.published_at();
            assert!(at.is_none_or(|at| at.as_second() <= now.as_second() + 86_400));
        }
    }
    for resource in &resources {
        check_message(&resource.label());
    }
}

fn check_message(message: &str) {
    assert!(!message.contains(char::is_control), "{message:?}");
    assert!(
        message.len() <= 4 << 10,
        "{} bytes: {message}",
        message.len()
    );
}
