// Beside the page, whatever path a proxy puts before it.
SwaggerUIBundle({ url: "v3.json", dom_id: "#swagger-ui", deepLinking: true });
