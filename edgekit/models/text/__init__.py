"""Networks that read text: where they come from, what they give, and how they are traced."""
