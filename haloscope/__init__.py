"""The CAPP-12TB axion haloscope as physics."""
