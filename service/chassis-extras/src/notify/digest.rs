//! Many messages as one text.

use std::fmt::Write;

use super::outbox::Message;
use chassis_http::html::Text;

/// Per service its name and one message per line, with an empty line between services (contract 2.4.22). The further
/// lines of a message are indented: none of them is taken for another message.
pub(super) fn text(messages: &[Message]) -> String {
    let services: Vec<String> = by_service(messages)
        .into_iter()
        .map(|(service, messages)| {
            let lines = messages.into_iter().map(|message| message.trim_end().replace('\n', "\n  "));
            std::iter::once(service.to_owned()).chain(lines).collect::<Vec<_>>().join("\n")
        })
        .collect();
    services.join("\n\n")
}

/// Per service `<h3>name</h3><p><ul><li>message</li>...</ul></p>` (contract 2.4.22). Nothing of a message is markup.
pub(super) fn html(messages: &[Message]) -> String {
    let mut html = String::new();
    for (service, messages) in by_service(messages) {
        _ = write!(html, "<h3>{}</h3><p><ul>", Text(service));
        for message in messages {
            _ = write!(html, "<li>{}</li>", Text(message));
        }
        html.push_str("</ul></p>");
    }
    html
}

/// Services in the order of their first message.
fn by_service(messages: &[Message]) -> Vec<(&str, Vec<&str>)> {
    let mut services: Vec<(&str, Vec<&str>)> = Vec::new();
    for Message { service, text, .. } in messages {
        match services.iter_mut().find(|(known, _)| known == service) {
            Some((_, texts)) => texts.push(text),
            None => services.push((service, vec![text])),
        }
    }
    services
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_2_4_22_the_text_and_the_html_of_a_mail() {
        let said = [("users", "one <b>&"), ("roles", "two"), ("users", "three\nfour")];
        let messages =
            said.map(|(service, text)| Message { id: 0, service: service.to_owned(), text: text.to_owned() });
        assert_eq!(text(&messages), "users\none <b>&\nthree\n  four\n\nroles\ntwo");
        assert_eq!(
            html(&messages),
            "<h3>users</h3><p><ul><li>one &lt;b&gt;&amp;</li><li>three\nfour</li></ul></p><h3>roles</h3><p><ul><li>two</li></ul></p>"
        );
    }
}
