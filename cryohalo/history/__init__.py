"""The history of process variables: recorded, asked, and served as the archiver appliance does."""
