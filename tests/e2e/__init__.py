"""Stories of customers and operators, told to a whole running stack."""
